-- What the tests of stack vocabularies share: dofile it, check(what, found, wanted), and in the end finish(least).
local harness = { failures = 0, checks = 0 }

-- A value as text, tables with their keys in order; what has a text of its own (null) by that.
function harness.show(value)
  local meta = getmetatable(value)
  if type(value) ~= "table" or meta and meta.__tostring then return tostring(value) end
  local keys, parts = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, key in ipairs(keys) do parts[i] = tostring(key) .. "=" .. harness.show(value[key]) end
  return "{" .. table.concat(parts, " ") .. "}"
end

function harness.check(what, found, wanted)
  harness.checks = harness.checks + 1
  if harness.show(found) == harness.show(wanted) then return end
  harness.failures = harness.failures + 1
  print(("%s:\n  found  %s\n  wanted %s"):format(what, harness.show(found), harness.show(wanted)))
end

-- Ends the program: with 1 where a check failed, or fewer than `least` were made.
function harness.finish(least)
  print(("%d checks, %d failures"):format(harness.checks, harness.failures))
  os.exit(harness.failures == 0 and harness.checks >= least and 0 or 1)
end

return harness
