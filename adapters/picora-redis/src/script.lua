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
local pack, unpack_struct, fmod = struct.pack, struct.unpack, math.fmod
local DAY, SKEW = 86400000000, 1000000

local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

local function quotient(a, b) return (a - fmod(a, b)) / b end

-- The first instant after the month that `now` falls into, by days since 0000-03-01.
local function month_end()
  local days = quotient(now, DAY) + 719468
  local era = quotient(days, 146097)
  local of_era = days - era * 146097
  local year = quotient(of_era - quotient(of_era, 1460) + quotient(of_era, 36524) - quotient(of_era, 146096), 365)
  local of_year = of_era - (365 * year + quotient(year, 4) - quotient(year, 100))
  local month = quotient(5 * of_year + 2, 153) + 1 -- the first of the next month, from March = 0
  year = year + era * 400
  if month == 12 then year, month = year + 1, 0 end
  local y_era = quotient(year, 400)
  local y_of_era = year - y_era * 400
  local start = quotient(153 * month + 2, 5)
  local total = y_era * 146097 + y_of_era * 365 + quotient(y_of_era, 4) - quotient(y_of_era, 100) + start
  return (total - 719468) * DAY
end

local policies = {}
local function policy(at)
  local known = policies[at]
  if known then return known end
  local text, pos, limits = ARGV[at + 3], 1, { most = 0, horizon = 0 }
  while pos <= #text do
    local limit = {}
    limit.kind, limit.exceeded, limit.a, limit.b, pos = unpack_struct('<BBI8I8', text, pos)
    if limit.kind == 4 then
      if limit.b > limits.most then limits.most = limit.b end
      if limit.a > limits.horizon then limits.horizon = limit.a end
    end
    limits[#limits + 1] = limit
  end
  policies[at] = limits
  return limits
end

-- A record: cells as kind, instant, number; the log as instants and costs, oldest first.
local function decode(text)
  local record = { cells = {}, at = {}, cost = {}, horizon = 0 }
  if not text then return record end
  local version, count, pos = unpack_struct('<BB', text)
  if version ~= 1 then error('version') end
  local cells, n = record.cells, 0
  for _ = 1, count do
    cells[n + 1], cells[n + 2], cells[n + 3], pos = unpack_struct('<Bi8I8', text, pos)
    n = n + 3
  end
  if pos <= #text then
    record.horizon, pos = unpack_struct('<I8', text, pos)
    while pos <= #text do
      local nth = #record.at + 1
      record.at[nth], record.cost[nth], pos = unpack_struct('<i8I8', text, pos)
    end
  end
  return record
end

local function encode(record)
  local cells, parts = record.cells, {}
  local fresh = 0
  parts[1] = pack('<BB', 1, #cells / 3)
  for n = 1, #cells, 3 do
    parts[#parts + 1] = pack('<Bi8I8', cells[n], cells[n + 1], cells[n + 2])
    if cells[n + 1] > fresh then fresh = cells[n + 1] end
  end
  local count = #record.at
  if count > 0 then
    parts[#parts + 1] = pack('<I8', record.horizon)
    for n = 1, count do parts[#parts + 1] = pack('<i8I8', record.at[n], record.cost[n]) end
    if record.at[count] + record.horizon > fresh then fresh = record.at[count] + record.horizon end
  end
  return table.concat(parts), fresh
end

local values = redis.call('MGET', unpack(KEYS))
local records, dirty = {}, {}
local function record(at)
  local known = records[at]
  if known == nil then
    local ok, read = pcall(decode, values[at])
    known = ok and read
    records[at] = known
  end
  return known
end

-- Drops the oldest units beyond `most`.
local function keep_newest(at, cost, most)
  local sum = 0
  for n = 1, #at do sum = sum + cost[n] end
  local surplus, ats, costs = sum - most, {}, {}
  for n = 1, #at do
    local dropped = surplus > 0 and (cost[n] < surplus and cost[n] or surplus) or 0
    surplus = surplus - dropped
    if cost[n] > dropped then
      ats[#ats + 1], costs[#costs + 1] = at[n], cost[n] - dropped
    end
  end
  return ats, costs
end

local function settle_log(held, limits)
  local healed, ats, costs = false, {}, {}
  for n = 1, #held.at do
    if held.at[n] > now + SKEW then healed = true end
  end
  for n = 1, #held.at do
    local at, cost = held.at[n], held.cost[n]
    if at + limits.horizon > now then
      if healed and at > now then at = now end
      if cost > limits.most then cost = limits.most end
      ats[#ats + 1], costs[#costs + 1] = at, cost
    end
  end
  ats, costs = keep_newest(ats, costs, limits.most)
  return ats, costs, healed
end

-- The cell that counts now: instant and number.
local function settle_cell(limit, kind, instant, number)
  local a = limit.a
  if limit.kind == 1 then
    local latest = now + a * limit.b
    if kind ~= 1 or instant < now then return now, 0 end
    if instant > latest then return latest, 0 end
    return instant, 0
  end
  local two
  if limit.kind == 2 then two = 2 * a elseif a == 0 then two = 2 * DAY else two = 62 * DAY end
  local same = kind == limit.kind
  if same and instant > now and instant - now <= two then return instant, number end
  local used = (same and instant > now) and number or 0
  if limit.kind == 2 then return now - fmod(now, a) + a, used end
  if a == 0 then return now - fmod(now, DAY) + DAY, used end
  return month_end(), used
end

-- What a rolling limit says: units in its span.
local function used_in(at, cost, length)
  local used = 0
  for n = 1, #at do
    if at[n] + length > now then used = used + cost[n] end
  end
  return used
end

-- One subject under its policy, settled.
local function lay(held, limits)
  local lines = { writes = false }
  if limits.most > 0 then
    lines.at, lines.cost, lines.writes = settle_log(held, limits)
  end
  local nth = 0
  for n = 1, #limits do
    local limit = limits[n]
    if limit.kind == 4 then
      lines[n] = { remaining = limit.b - used_in(lines.at, lines.cost, limit.a) }
    else
      local kind, instant, number = held.cells[nth + 1], held.cells[nth + 2], held.cells[nth + 3]
      nth = nth + 3
      local settled, used = settle_cell(limit, kind, instant or 0, number or 0)
      if kind == limit.kind and settled < instant then lines.writes = true end
      local remaining
      if limit.kind == 1 then
        remaining = quotient(now + limit.a * limit.b - settled, limit.a)
      else
        remaining = limit.b - used
      end
      lines[n] = { instant = settled, number = used, remaining = remaining }
    end
  end
  return lines
end

local function charge_cell(limit, line, cost)
  if limit.kind == 1 then
    local arrival = line.instant + cost * limit.a
    local latest = now + limit.a * limit.b
    line.instant = arrival < latest and arrival or latest
  else
    line.number = line.number + cost
  end
end

local function push(lines, cost, limits)
  local count = #lines.at
  local at = now
  if count > 0 and lines.at[count] > at then at = lines.at[count] end
  if count > 0 and lines.at[count] == at then
    lines.cost[count] = lines.cost[count] + cost
  else
    lines.at[count + 1], lines.cost[count + 1] = at, cost
  end
  lines.at, lines.cost = keep_newest(lines.at, lines.cost, limits.most)
end

-- Charges one subject's limits as the verdict has it; true when anything was charged.
local function charge(lines, limits, cost, verdict)
  local changed, logged = false, false
  for n = 1, #limits do
    local limit, line = limits[n], lines[n]
    local charges
    if limit.exceeded == 1 then
      charges = verdict == 'a'
    elseif limit.exceeded == 2 then
      charges = true
    else
      charges = verdict == 'a' and (limit.kind == 4 or line.remaining >= cost)
    end
    if charges then
      changed = true
      if limit.kind == 4 then logged = true else charge_cell(limit, line, cost) end
    end
  end
  if logged then push(lines, cost, limits) end
  return changed
end

local function take_back(lines, limits, cost, charged_at)
  for n = 1, #limits do
    local limit, line = limits[n], lines[n]
    if limit.kind == 1 then
      local drained = now - charged_at
      if drained < 0 then drained = 0 end
      local back = cost * limit.a - drained
      if back > 0 then line.instant = line.instant - back end
    elseif limit.kind ~= 4 then
      local present = now
      now = charged_at
      local charged_in = settle_cell(limit, nil, 0, 0)
      now = present
      if charged_in == line.instant then
        line.number = line.number > cost and line.number - cost or 0
      end
    end
  end
  if limits.most > 0 then
    local ats, costs, done = {}, {}, false
    for n = 1, #lines.at do
      local left = lines.cost[n]
      if lines.at[n] == charged_at and not done then
        left, done = left - cost, true
      end
      if left > 0 then ats[#ats + 1], costs[#costs + 1] = lines.at[n], left end
    end
    lines.at, lines.cost = ats, costs
  end
end

local function keep(at, lines, limits)
  local cells = {}
  for n = 1, #limits do
    local limit, line = limits[n], lines[n]
    if limit.kind ~= 4 then
      cells[#cells + 1], cells[#cells + 2], cells[#cells + 3] = limit.kind, line.instant, line.number
    end
  end
  records[at] = { cells = cells, at = lines.at or {}, cost = lines.cost or {}, horizon = limits.horizon }
  dirty[at] = true
end

local function run(op, solved, cost, charged_at, keys, specs)
  if op == 4 then
    records[keys[1]] = decode(nil)
    dirty[keys[1]] = 'gone' -- until a later item writes it again
    return '.'
  end
  local all, verdict, room = {}, 'a', nil
  for s = 1, #keys do
    local held = record(keys[s])
    if not held then return 'x' end
    local lines = lay(held, specs[s])
    all[s] = lines
    for n = 1, #lines do
      local limit, remaining = specs[s][n], lines[n].remaining
      if limit.exceeded == 1 and (room == nil or remaining < room) then room = remaining end
      if remaining < cost then
        if limit.exceeded == 1 then
          verdict = 'd'
        elseif limit.exceeded == 2 and solved == 0 and verdict == 'a' then
          verdict = 'c'
        end
      end
    end
  end
  if op == 2 then return verdict end
  if op == 5 and verdict == 'd' and room and room >= charged_at then
    cost, verdict = room, 'a' -- as much as there is
  end
  for s = 1, #keys do
    local lines, limits = all[s], specs[s]
    if op == 3 then
      take_back(lines, limits, cost, charged_at)
      keep(keys[s], lines, limits)
    elseif verdict ~= 'd' then
      lines.writes = charge(lines, limits, cost, verdict) or lines.writes
    end
  end
  if op ~= 3 then
    local writes = false
    for s = 1, #keys do writes = writes or all[s].writes end
    if writes then
      for s = 1, #keys do keep(keys[s], all[s], specs[s]) end
    end
  end
  return op == 3 and '.' or verdict
end

local letters, digits, changed, items, pos = {}, {}, {}, ARGV[2], 1
while pos <= #items do
  local op, solved, cost, charged_at, subjects
  op, solved, cost, charged_at, subjects, pos = unpack_struct('<BBI8I8B', items, pos)
  local keys, specs = {}, {}
  for s = 1, subjects do
    local key, spec
    key, spec, pos = unpack_struct('<I2I2', items, pos)
    keys[s], specs[s] = key + 1, policy(spec)
    if dirty[key + 1] then
      digits[#digits + 1] = '1'
      changed[#changed + 1] = encode(records[key + 1])
    else
      digits[#digits + 1] = '0'
    end
  end
  letters[#letters + 1] = run(op, solved, cost, charged_at, keys, specs)
end

-- A second of slack: forgetting late changes nothing, forgetting early would. A test's clock goes its own way: an hour.
local slack = ARGV[1] == '' and 1001 or 3600000
for at, how in pairs(dirty) do
  if how == 'gone' then
    redis.call('DEL', KEYS[at])
  else
    local text, fresh = encode(records[at])
    local left = fresh > now and quotient(fresh - now, 1000) or 0
    redis.call('SET', KEYS[at], text, 'PX', string.format('%.0f', left + slack))
  end
end

local reply = { string.format('%.0f', now), table.concat(letters), table.concat(digits) }
for at = 1, #KEYS do reply[at + 3] = values[at] end
for at = 1, #changed do reply[#KEYS + 3 + at] = changed[at] end
return reply
