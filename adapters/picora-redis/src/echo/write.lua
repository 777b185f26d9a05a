-- Writes keys unless a higher epoch has written them.
-- KEYS: a key and the key of its epoch, in turn. ARGV: the epoch in 20 digits, so that texts compare as numbers do (numbers of a script
-- are floats); then for each key its value, its life and its epoch's life in milliseconds, empty for ever.
-- Answers how many keys were written.
local epoch, written = ARGV[1], 0

local function put(key, value, life)
  if life == '' then
    redis.call('SET', key, value)
  else
    redis.call('SET', key, value, 'PX', life)
  end
end

for n = 1, #KEYS / 2 do
  local key, guard = KEYS[2 * n - 1], KEYS[2 * n]
  local known = redis.call('GET', guard)
  if not (known and #known == #epoch and known > epoch) then
    put(key, ARGV[3 * n - 1], ARGV[3 * n])
    put(guard, epoch, ARGV[3 * n + 1])
    written = written + 1
  end
end
return written
