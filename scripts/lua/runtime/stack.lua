-- `require "stack"` inside a function: the stack's chunk runs again, and its constructors give the
-- handlers and clients instead of resources.
local call, package, host = ...
error("this function's package has no stack vocabulary", 0)
