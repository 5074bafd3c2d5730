-- What the stack vocabularies of this plugin's services share, as vocabulary.shared.notifications.

return function(vocabulary)
  local shared = {}
  vocabulary.shared.notifications = shared

  -- Text as it is, anything else as JSON.
  function shared.json_text(value)
    if value == nil or type(value) == "string" then return value end
    return vocabulary.json(value)
  end

  -- A target as a handle: a function written in place becomes a function of the stack.
  function shared.target_handle(handle, target, suffix, stack, tools)
    if type(target) == "function" then
      return stack.declare("fn", handle.name .. suffix, { handler = target }, 5)
    end
    if not tools.is_handle(target) then
      tools.refuse(handle, "a target is a function, or a resource of the stack that has an arn")
    end
    return target
  end

  -- The service ("events") may invoke the function on behalf of what has this name; a permission that is there
  -- already is as good. What is no function needs none.
  function shared.permit(call, arn, service, name)
    if not arn:find(":lambda:", 1, true) then return end
    local good, problem = pcall(call, "lambda", "AddPermission", {
      FunctionName = arn, StatementId = service .. "-" .. name:gsub("[^%w_-]", "-"), Action = "lambda:InvokeFunction",
      Principal = service .. ".amazonaws.com" })
    if not good and not (type(problem) == "table" and problem.code == "ResourceConflictException") then
      error(problem, 0)
    end
  end

  function shared.role_of(stack, name) return ("arn:aws:iam::000000000000:role/%s-%s"):format(stack.name, name) end

  function shared.dead_letter_of(options, tools)
    return options.dead_letter and { Arn = tools.ref(options.dead_letter, "arn") } or nil
  end
end
