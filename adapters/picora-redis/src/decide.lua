-- Decides checks whose limits are bursts and windows that deny, which is nearly all there is; what any.lua does with them, straight
-- through. Arguments, answers and records are those of any.lua; every item is operation 1, without a solved challenge.
local call, fmod, byte, pack, unpack_struct = redis.call, math.fmod, string.byte, struct.pack, struct.unpack

local now = tonumber(ARGV[1])
if not now then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

local POLICY = { '<BBI8I8', '<BBI8I8BBI8I8', '<BBI8I8BBI8I8BBI8I8' }
local RECORD = { '<BBBi8I8', '<BBBi8I8Bi8I8', '<BBBi8I8Bi8I8Bi8I8' }
local EMPTY = {}

local values = KEYS[2] and call('MGET', unpack(KEYS)) or { call('GET', KEYS[1]) }
local policies, records, dirty = {}, {}, {}
local letters, digits, changed = '', '', {}
local all, keys, specs, items, pos = {}, {}, {}, ARGV[2], 1
while pos <= #items do
  local op, solved, cost, number, subjects
  op, solved, cost, number, subjects, pos = unpack_struct('<BBI8I8B', items, pos)
  local letter, writes = 'a', false
  for s = 1, subjects do
    local key, spec
    key, spec, pos = unpack_struct('<I2I2', items, pos)
    key = key + 1
    local policy = policies[spec]
    if not policy then
      local text = ARGV[spec + 3]
      local limits = #text / 18
      policy = { unpack_struct(POLICY[limits] or '<' .. string.rep('BBI8I8', limits), text) }
      policy.limits = limits
      policies[spec] = policy
    end
    local record = records[key]
    if dirty[key] then
      digits = digits .. '1'
      changed[#changed + 1] = pack(RECORD[record[2]] or '<BB' .. string.rep('Bi8I8', record[2]), unpack(record))
    else
      digits = digits .. '0'
    end
    if not record then
      local text = values[key]
      record = EMPTY
      if text then
        local version, count = byte(text, 1, 2)
        local rest = count and #text - 2 - 17 * count
        if version ~= 1 or not rest or rest < 0 or (rest > 0 and (rest < 8 or (rest - 8) % 16 > 0)) then
          letter = 'x'
        elseif count > 0 then
          record = { unpack_struct(RECORD[count] or '<BB' .. string.rep('Bi8I8', count), text) }
        end
      end
      if letter ~= 'x' then records[key] = record end
    end
    local limits, settled, cell = policy.limits, nil, 3
    -- Of the size that it will have: a table that grows is copied each time.
    if limits == 3 then
      settled = { 1, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
    elseif limits == 2 then
      settled = { 1, 2, 0, 0, 0, 0, 0, 0 }
    elseif limits == 1 then
      settled = { 1, 1, 0, 0, 0 }
    else
      settled = { 1, limits }
    end
    for n = 1, 4 * limits, 4 do
      local kind, a, b = policy[n], policy[n + 2], policy[n + 3]
      local instant, used = record[cell + 1], 0
      local ahead = record[cell] == kind and instant > now
      local to = now
      if kind == 1 then
        local latest = now + a * b
        if ahead then
          to = instant
          if to > latest then to, writes = latest, true end
        end
        if to + cost * a > latest and letter == 'a' then letter = 'd' end
      else
        if ahead and instant - now <= 2 * a then
          to, used = instant, record[cell + 2]
        else
          to = now - fmod(now, a) + a
          if ahead then
            used = record[cell + 2]
            if to < instant then writes = true end
          end
        end
        if used + cost > b and letter == 'a' then letter = 'd' end
      end
      settled[cell], settled[cell + 1], settled[cell + 2] = kind, to, used
      cell = cell + 3
    end
    all[s], keys[s], specs[s] = settled, key, policy
  end
  if letter == 'a' then
    writes = true
    for s = 1, subjects do
      local settled, policy, cell = all[s], specs[s], 3
      for n = 1, 4 * policy.limits, 4 do
        if policy[n] == 1 then
          settled[cell + 1] = settled[cell + 1] + cost * policy[n + 2]
        else
          settled[cell + 2] = settled[cell + 2] + cost
        end
        cell = cell + 3
      end
    end
  end
  if writes and letter ~= 'x' then
    for s = 1, subjects do records[keys[s]], dirty[keys[s]] = all[s], true end
  end
  letters = letters .. letter
end

local slack = ARGV[1] == '' and 1001 or 3600000
for key in pairs(dirty) do
  local record, fresh = records[key], now
  for n = 4, #record, 3 do
    if record[n] > fresh then fresh = record[n] end
  end
  local left = (fresh - now - fmod(fresh - now, 1000)) / 1000
  local text = pack(RECORD[record[2]] or '<BB' .. string.rep('Bi8I8', record[2]), unpack(record))
  call('SET', KEYS[key], text, 'PX', left + slack)
end

local reply = { now, letters, digits }
for at = 1, #KEYS do reply[at + 3] = values[at] end
for at = 1, #changed do reply[#KEYS + 3 + at] = changed[at] end
return reply
