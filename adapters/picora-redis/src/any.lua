-- Decides checks on records of one slot, as picora-ratelimit's `step` does; proved equal to it on the same histories.
--
-- KEYS     one record each
-- ARGV[1]  microseconds since 1970, or nothing: then the server's clock
-- ARGV[2]  items: operation (B: 1 decide, 2 peek, 3 refund, 4 reset, 5 lease), challenge solved (B), cost (I8), charged at (I8),
--          subjects (B), and for each subject its key and its policy (I2, I2). A lease takes as much of its cost as there is room for,
--          and at least what its second number says
-- ARGV[3]… policies: limits of kind (B: 1 GCRA, 2 window, 3 calendar, 4 rolling), exceeded (B: 1 deny, 2 challenge, 3 shadow) and two
--          numbers (I8, I8): interval and burst; length and limit; 0 (day) or 1 (month) and limit; length and limit
-- Answers  the instant; a letter for each item (a allow, c challenge, d deny, . neither, x a record that does not read); a digit for each
--          subject of each item (0: its record is among those of KEYS, 1: it has been changed by an item before, and follows them); each
--          record of KEYS as it was, and those that follow.
--
-- Numbers are doubles: all are whole and below 2^53. A quotient may round up to a whole number, so that only `fmod` is exact.
--
-- A record is a flat list, as it is packed: version, number of cells, and kind, instant and number of each; and in `log` instants and costs.
local call, fmod, byte, pack, unpack_struct = redis.call, math.fmod, string.byte, struct.pack, struct.unpack
local DAY, SKEW = 86400000000, 1000000

local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

-- How so many cells are packed.
local formats = { [0] = '<BB', '<BBBi8I8', '<BBBi8I8Bi8I8', '<BBBi8I8Bi8I8Bi8I8' }
local function format_of(count)
  local known = formats[count]
  if not known then
    known = '<BB' .. string.rep('Bi8I8', count)
    formats[count] = known
  end
  return known
end

-- Policies as flat lists of kind, exceeded and two numbers; `most` and `horizon` of those with rolling limits.
local policies = {}
local function policy_of(at)
  local known = policies[at]
  if known then return known end
  local text = ARGV[at + 3]
  local policy = { unpack_struct('<' .. string.rep('BBI8I8', #text / 18), text) }
  policy[#policy] = nil -- the position
  local cells = 0
  for n = 1, #policy, 4 do
    if policy[n] ~= 4 then
      cells = cells + 1
    else
      policy.most = math.max(policy.most or 0, policy[n + 3])
      policy.horizon = math.max(policy.horizon or 0, policy[n + 2])
    end
  end
  policy.cells = cells
  policies[at] = policy
  return policy
end

local values = call('MGET', unpack(KEYS))
local EMPTY = { 1, 0 }

-- The record of a key as it stands; none when what is stored is no record.
local records, dirty = {}, {}
local function record_of(at)
  local record = records[at]
  if record then return record end
  local text = values[at]
  if not text then return EMPTY end
  if #text < 2 then return nil end
  local version, count = byte(text, 1, 2)
  local rest = #text - 2 - 17 * count
  if version ~= 1 or rest < 0 or (rest > 0 and (rest < 8 or (rest - 8) % 16 > 0)) then return nil end
  record = { unpack_struct(format_of(count), text) }
  local pos = record[#record]
  record[#record] = nil
  if rest > 0 then
    local log = {}
    record.horizon, pos = unpack_struct('<I8', text, pos)
    while pos <= #text do
      log[#log + 1], log[#log + 2], pos = unpack_struct('<i8I8', text, pos)
    end
    record.log = log
  end
  records[at] = record
  return record
end

-- A record as bytes, and the first instant at which it says nothing.
local function encode(record)
  local text, fresh = pack(format_of(record[2]), unpack(record)), 0
  for n = 4, #record, 3 do
    if record[n] > fresh then fresh = record[n] end
  end
  local log = record.log
  if log and #log > 0 then
    local parts = { text, pack('<I8', record.horizon) }
    for n = 1, #log, 2 do parts[#parts + 1] = pack('<i8I8', log[n], log[n + 1]) end
    text = table.concat(parts)
    local last = log[#log - 1] + record.horizon
    if last > fresh then fresh = last end
  end
  return text, fresh
end

-- The first instant after the month that an instant falls into. Days count from 0000-03-01, so that a leap day ends its year.
local function month_end(at)
  local function quotient(a, b) return (a - fmod(a, b)) / b end
  local days = quotient(at, DAY) + 719468
  local era = quotient(days, 146097)
  local of_era = days - era * 146097
  local year = quotient(of_era - quotient(of_era, 1460) + quotient(of_era, 36524) - quotient(of_era, 146096), 365)
  local of_year = of_era - (365 * year + quotient(year, 4) - quotient(year, 100))
  local month = quotient(5 * of_year + 2, 153) + 1 -- the next one, from March = 0
  year = year + era * 400
  if month == 12 then year, month = year + 1, 0 end
  era = quotient(year, 400)
  of_era = year - era * 400
  local first = era * 146097 + of_era * 365 + quotient(of_era, 4) - quotient(of_era, 100) + quotient(153 * month + 2, 5)
  return (first - 719468) * DAY
end

-- The end of the window, day or month that an instant falls into.
local function end_of(kind, a, at)
  if kind == 2 then return at - fmod(at, a) + a end
  if a == 0 then return at - fmod(at, DAY) + DAY end
  return month_end(at)
end

-- Drops the oldest units of a log beyond `most`.
local function keep_newest(log, most)
  local surplus, kept = -most, {}
  for n = 2, #log, 2 do surplus = surplus + log[n] end
  for n = 1, #log, 2 do
    local cost = log[n + 1]
    local dropped = 0
    if surplus > 0 then dropped = math.min(cost, surplus) end
    surplus = surplus - dropped
    if cost > dropped then kept[#kept + 1], kept[#kept + 2] = log[n], cost - dropped end
  end
  return kept
end

-- The log that counts now, and whether a clock that went back was healed.
local function settle_log(log, policy)
  local healed, kept = false, {}
  if not log then return kept, healed end
  for n = 1, #log, 2 do
    if log[n] > now + SKEW then healed = true end
  end
  for n = 1, #log, 2 do
    local at = log[n]
    if at + policy.horizon > now then
      if healed and at > now then at = now end
      kept[#kept + 1], kept[#kept + 2] = at, math.min(log[n + 1], policy.most)
    end
  end
  return keep_newest(kept, policy.most), healed
end

-- What is left of a rolling limit.
local function left_of(log, length, limit)
  for n = 1, #log, 2 do
    if log[n] + length > now then limit = limit - log[n + 1] end
  end
  return limit
end

local function push(log, cost, policy)
  local last = #log - 1
  local at = now
  if last > 0 and log[last] > at then at = log[last] end
  if last > 0 and log[last] == at then
    log[last + 1] = log[last + 1] + cost
  else
    log[last + 2], log[last + 3] = at, cost
  end
  return keep_newest(log, policy.most)
end

-- Lays a policy over a record: the record settled now, with `left` of each limit, and whether it was healed.
local function lay(record, policy)
  local settled, left, cell, healed = { 1, policy.cells }, {}, 3, false
  if policy.most then
    settled.log, healed = settle_log(record.log, policy)
    settled.horizon = policy.horizon
  end
  for n = 1, #policy, 4 do
    local kind, a, b = policy[n], policy[n + 2], policy[n + 3]
    if kind == 4 then
      left[#left + 1] = left_of(settled.log, a, b)
    else
      local instant, number = record[cell + 1], record[cell + 2]
      local same = record[cell] == kind
      local to, used = now, 0
      if kind == 1 then
        local latest = now + a * b
        if same and instant > now then
          to = instant
          if to > latest then to, healed = latest, true end
        end
        left[#left + 1] = (latest - to - fmod(latest - to, a)) / a
      else
        local two = 2 * a
        if kind == 3 then two = a == 0 and 2 * DAY or 62 * DAY end
        if same and instant > now and instant - now <= two then
          to, used = instant, number
        else
          to = end_of(kind, a, now)
          if same and instant > now then
            used = number
            if to < instant then healed = true end
          end
        end
        left[#left + 1] = b - used
      end
      settled[cell], settled[cell + 1], settled[cell + 2] = kind, to, used
      cell = cell + 3
    end
  end
  return settled, left, healed
end

-- Charges what a verdict charges; whether that was anything.
local function charge(settled, left, policy, cost, verdict)
  local cell, nth, charged, logged = 3, 1, false, false
  for n = 1, #policy, 4 do
    local kind, exceeded = policy[n], policy[n + 1]
    local charges = exceeded == 2 or (verdict == 'a' and (exceeded == 1 or kind == 4 or left[nth] >= cost))
    nth = nth + 1
    charged = charged or charges
    if kind == 4 then
      logged = logged or charges
    else
      if charges then
        if kind == 1 then
          local a = policy[n + 2]
          local to, latest = settled[cell + 1] + cost * a, now + a * policy[n + 3]
          settled[cell + 1] = to < latest and to or latest
        else
          settled[cell + 2] = settled[cell + 2] + cost
        end
      end
      cell = cell + 3
    end
  end
  if logged then settled.log = push(settled.log, cost, policy) end
  return charged
end

local function take_back(settled, policy, cost, charged_at)
  local cell = 3
  for n = 1, #policy, 4 do
    local kind, a = policy[n], policy[n + 2]
    if kind == 1 then
      local back = cost * a - math.max(now - charged_at, 0)
      if back > 0 then settled[cell + 1] = settled[cell + 1] - back end
    elseif kind ~= 4 and end_of(kind, a, charged_at) == settled[cell + 1] then
      settled[cell + 2] = math.max(settled[cell + 2] - cost, 0)
    end
    if kind ~= 4 then cell = cell + 3 end
  end
  local log = settled.log
  if not log then return end
  local kept, done = {}, false
  for n = 1, #log, 2 do
    local units = log[n + 1]
    if log[n] == charged_at and not done then units, done = units - cost, true end
    if units > 0 then kept[#kept + 1], kept[#kept + 2] = log[n], units end
  end
  settled.log = kept
end

-- Does one item; its letter.
local function run(op, solved, cost, number, keys, specs)
  if op == 4 then
    records[keys[1]], dirty[keys[1]] = EMPTY, 'gone' -- until a later item writes it again
    return '.'
  end
  local all, lefts, verdict, room, writes = {}, {}, 'a', nil, false
  for s = 1, #keys do
    local record, policy = record_of(keys[s]), specs[s]
    if not record then return 'x' end
    local settled, left, healed = lay(record, policy)
    all[s], lefts[s], writes = settled, left, writes or healed
    for nth = 1, #left do
      local exceeded = policy[4 * nth - 2]
      if exceeded == 1 and (not room or left[nth] < room) then room = left[nth] end
      if left[nth] < cost then
        if exceeded == 1 then
          verdict = 'd'
        elseif exceeded == 2 and solved == 0 and verdict == 'a' then
          verdict = 'c'
        end
      end
    end
  end
  if op == 2 then return verdict end
  if op == 5 and verdict == 'd' and room >= number then
    cost, verdict = room, 'a' -- as much as there is
  end
  for s = 1, #keys do
    if op == 3 then
      take_back(all[s], specs[s], cost, number)
      writes = true
    elseif verdict ~= 'd' then
      writes = charge(all[s], lefts[s], specs[s], cost, verdict) or writes
    end
  end
  if writes then
    for s = 1, #keys do records[keys[s]], dirty[keys[s]] = all[s], 'kept' end
  end
  return op == 3 and '.' or verdict
end

local letters, digits, changed, items, pos = {}, {}, {}, ARGV[2], 1
while pos <= #items do
  local op, solved, cost, number, subjects
  op, solved, cost, number, subjects, pos = unpack_struct('<BBI8I8B', items, pos)
  local keys, specs = {}, {}
  for s = 1, subjects do
    local key, spec
    key, spec, pos = unpack_struct('<I2I2', items, pos)
    key = key + 1
    keys[s], specs[s] = key, policy_of(spec)
    if dirty[key] then
      digits[#digits + 1] = '1'
      changed[#changed + 1] = encode(records[key])
    else
      digits[#digits + 1] = '0'
    end
  end
  letters[#letters + 1] = run(op, solved, cost, number, keys, specs)
end

-- A second of slack: forgetting late changes nothing, forgetting early would. A test's clock goes its own way: an hour.
local slack = ARGV[1] == '' and 1001 or 3600000
for at, how in pairs(dirty) do
  if how == 'gone' then
    call('DEL', KEYS[at])
  else
    local text, fresh = encode(records[at])
    local left = 0
    if fresh > now then left = (fresh - now - fmod(fresh - now, 1000)) / 1000 end
    call('SET', KEYS[at], text, 'PX', left + slack)
  end
end

local reply = { now, table.concat(letters), table.concat(digits) }
for at = 1, #KEYS do reply[at + 3] = values[at] end
for at = 1, #changed do reply[#KEYS + 3 + at] = changed[at] end
return reply
