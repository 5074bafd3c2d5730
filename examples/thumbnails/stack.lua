-- Thumbnails: a picture that is put into originals/ is halved into thumbnails/. Pictures are plain PGM ("P2": text that
-- a few lines of Lua can read), so that nothing but the platform is needed.
local s = require "stack" { name = "thumbnails" }

local pictures = s.bucket "pictures" {
  cors = "*",
  lifecycle = { { prefix = "originals/", expire = 7 } },
}

-- Width, height, brightest value and the rows of a plain PGM.
local function read_pgm(text)
  local numbers = {}
  for number in text:gsub("#[^\n]*", ""):gsub("^%s*P2", "", 1):gmatch("%d+") do numbers[#numbers + 1] = tonumber(number) end
  local width, height, brightest = numbers[1], numbers[2], numbers[3]
  if not text:find("^%s*P2") or not brightest or #numbers - 3 < width * height then return nil end
  return { width = width, height = height, brightest = brightest,
           at = function(x, y) return numbers[3 + y * width + x + 1] end }
end

-- Half as wide and high: each pixel is the mean of four.
local function halved(picture)
  local width, height = math.floor(picture.width / 2), math.floor(picture.height / 2)
  local lines = { "P2", width .. " " .. height, tostring(picture.brightest) }
  for y = 0, height - 1 do
    local row = {}
    for x = 0, width - 1 do
      local sum = picture.at(2 * x, 2 * y) + picture.at(2 * x + 1, 2 * y) + picture.at(2 * x, 2 * y + 1) +
                  picture.at(2 * x + 1, 2 * y + 1)
      row[#row + 1] = tostring(math.floor(sum / 4))
    end
    lines[#lines + 1] = table.concat(row, " ")
  end
  return table.concat(lines, "\n") .. "\n"
end

pictures:on_object({ prefix = "originals/", suffix = ".pgm" }, function(object)
  local body, info = pictures:get(object.key)
  local picture = body and read_pgm(body)
  if not picture then return print(object.key .. " is no plain PGM") end
  local name = object.key:gsub("^originals/", "thumbnails/")
  pictures:put(name, halved(picture), { type = info.type, metadata = { of = object.key } })
  print(("%s: %d x %d"):format(name, picture.width, picture.height))
end)

return s
