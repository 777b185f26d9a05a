-- Replaces the mark KEYS[1], which must be ARGV[1] (empty: none), by ARGV[2]. Answers 1 when it did.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
