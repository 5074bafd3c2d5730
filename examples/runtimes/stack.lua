-- One function in four languages: each counts the words of a text.
local s = require "stack" { name = "words" }

local lua = s.fn "wordsLua" { handler = function(event)
  local count = 0
  for _ in event.text:gmatch "%S+" do count = count + 1 end
  print("counted " .. count)
  return { runtime = "lua", words = count }
end }

local native = s.fn "wordsNative" {
  runtime = "native", code = "../../build/examples/runtimes/words.so", handler = "words.handler",
}

-- Folders are watched: save a file, and the next call runs it.
local node = s.fn "wordsNode" { runtime = "nodejs20.x", code = "./node", handler = "src/index.handler" }
local python = s.fn "wordsPython" { runtime = "python3.11", code = "./python", handler = "words.handler" }

-- And one that asks all of them.
s.fn "wordsAll" { timeout = 30, handler = function(event)
  return { lua:invoke(event), native:invoke(event), node:invoke(event), python:invoke(event) }
end }

return s
