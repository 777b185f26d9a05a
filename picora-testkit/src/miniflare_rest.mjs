// Cloudflare's REST dialect of Workers KV, over the real binding: what the binding refuses, this refuses.
//
// Strict where the service may be lenient: a field, a query or a header that it does not document is a mistake of the client.

const BULK_PAIRS = 10_000;
const BULK_BYTES = 100_000_000;
const BULK_GET_KEYS = 100;
const KEY_BYTES = 512;
const VALUE_BYTES = 25 * 1024 * 1024;
const SHORTEST_TTL = 60;
const LATEST = 2 ** 31 - 1; // the binding counts so far
const WRITE_EVERY_MS = 1000;

const PAIR = new Set(["key", "value", "expiration_ttl", "expiration", "metadata", "base64"]);
const ROUTE = /^\/client\/v4\/accounts\/([^/]+)\/storage\/kv\/namespaces\/([^/]+)\/(values|keys|bulk|metadata)(?:\/(.*))?$/;

class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

const ok = (result, more = {}) => Response.json({ success: true, errors: [], messages: [], result, ...more });
const refuse = ({ status, code, message }) =>
  Response.json({ success: false, errors: [{ code, message }], messages: [], result: null }, { status });
const bad = (message) => new Refusal(400, 10147, message);
const bytes = (text) => new TextEncoder().encode(text).length;

export default {
  async fetch(request, env) {
    try {
      const url = new URL(request.url);
      const wiped = url.pathname.match(/^\/wipe\/([^/]+)$/);
      if (wiped) return await wipe(env[`KV_${wiped[1]}`]);
      return await answer(request, url, env);
    } catch (error) {
      return refuse(error instanceof Refusal ? error : bad(String(error.message)));
    }
  },
};

/** What a test does behind the service's back: all is lost. */
async function wipe(kv) {
  let lost = 0;
  for (;;) {
    const { keys } = await kv.list();
    if (keys.length === 0) return ok({ lost });
    await Promise.all(keys.map(({ name }) => kv.delete(name)));
    lost += keys.length;
  }
}

async function answer(request, url, env) {
  const route = url.pathname.match(ROUTE);
  if (!route || route[1] !== env.SETUP.account) throw new Refusal(404, 7003, "Could not route to the path");
  const [, , namespace, noun, rest] = route;
  admit(request, env.SETUP, noun);
  const kv = env[`KV_${namespace}`];
  if (!kv) throw new Refusal(404, 10013, "namespace not found");
  const writes = writer(kv, namespace, env.SETUP.paced);
  const key = rest === undefined ? undefined : decodeURIComponent(rest);
  switch (`${request.method} ${noun}${noun === "bulk" && rest ? `/${rest}` : ""}`) {
    case "GET values":
      return await value(kv, key);
    case "PUT values":
      return await putValue(request, url.searchParams, writes, key);
    case "DELETE values":
      await writes.remove([key]);
      return ok({});
    case "GET metadata":
      return ok((await kv.getWithMetadata(key)).metadata);
    case "GET keys":
      return await keys(kv, url.searchParams);
    case "PUT bulk":
      return await bulkPut(request, writes);
    case "POST bulk/get":
      return await bulkGet(request, kv);
    case "POST bulk/delete":
      return await bulkDelete(request, writes);
    default:
      throw new Refusal(405, 10405, "Method not allowed");
  }
}

/** A token that is wrong is 401; one that may only read is 403 where something is written. */
function admit(request, { token, read_only_token }, noun) {
  const reads = request.method === "GET" || request.url.endsWith("/bulk/get");
  const shown = request.headers.get("authorization");
  if (shown === `Bearer ${token}` || (shown === `Bearer ${read_only_token}` && reads)) return;
  const status = shown === `Bearer ${read_only_token}` ? 403 : 401;
  throw new Refusal(status, 10000, `Authentication error (${noun})`);
}

async function value(kv, key) {
  const found = await kv.get(key, "arrayBuffer");
  if (found === null) throw new Refusal(404, 10009, "get: 'key not found'");
  const { keys } = await kv.list({ prefix: key, limit: 1 }); // itself comes before what it is a prefix of
  const ends = keys[0]?.name === key ? keys[0].expiration : undefined;
  return new Response(found, { headers: ends === undefined ? {} : { expiration: String(ends) } });
}

async function putValue(request, query, writes, key) {
  for (const name of query.keys()) if (!["expiration", "expiration_ttl"].includes(name)) throw bad(`unknown query ${name}`);
  const pair = { key };
  for (const name of ["expiration", "expiration_ttl"]) if (query.has(name)) pair[name] = Number(query.get(name));
  if ((request.headers.get("content-type") ?? "").startsWith("multipart/")) {
    const form = await request.formData();
    const part = form.get("value");
    pair.value = typeof part === "string" ? part : await part.arrayBuffer();
    if (form.has("metadata")) pair.metadata = JSON.parse(form.get("metadata"));
  } else {
    pair.value = await request.arrayBuffer();
  }
  const [late] = await writes.put([checked(pair, pair.value.byteLength ?? bytes(pair.value))]);
  if (late) throw new Refusal(429, 10429, "Too many writes to one key");
  return ok({});
}

async function keys(kv, query) {
  const limit = Number(query.get("limit") ?? 1000);
  if (!(limit >= 10 && limit <= 1000)) throw bad("limit is 10 to 1000");
  const found = await kv.list({ prefix: query.get("prefix") ?? undefined, limit, cursor: query.get("cursor") || undefined });
  return ok(found.keys, { result_info: { count: found.keys.length, cursor: found.list_complete ? "" : found.cursor } });
}

async function bulkPut(request, writes) {
  const body = await json(request);
  if (!Array.isArray(body) || body.length > BULK_PAIRS) throw bad(`an array of at most ${BULK_PAIRS} pairs`);
  const pairs = body.map((pair) => {
    for (const name of Object.keys(pair)) if (!PAIR.has(name)) throw bad(`unknown field ${name}`);
    if (typeof pair.value !== "string") throw bad("a value is a string");
    const decoded = pair.base64 ? Uint8Array.from(atob(pair.value), (it) => it.charCodeAt(0)) : pair.value;
    return checked({ ...pair, value: decoded }, decoded.length);
  });
  return done(pairs.length, await writes.put(pairs));
}

async function bulkGet(request, kv) {
  const { keys, type = "text", withMetadata = false, ...more } = await json(request);
  if (Object.keys(more).length > 0) throw bad("unknown field");
  if (!Array.isArray(keys) || keys.length > BULK_GET_KEYS) throw bad(`at most ${BULK_GET_KEYS} keys`);
  if (keys.length === 0) return ok({ values: {} });
  const found = withMetadata ? await kv.getWithMetadata(keys, { type }) : await kv.get(keys, { type });
  return ok({ values: Object.fromEntries(found) });
}

async function bulkDelete(request, writes) {
  const names = await json(request);
  if (!Array.isArray(names) || names.length > BULK_PAIRS) throw bad(`an array of at most ${BULK_PAIRS} keys`);
  for (const name of names) if (typeof name !== "string" || bytes(name) > KEY_BYTES) throw bad("a key is too long");
  return done(names.length, await writes.remove(names));
}

const done = (asked, failed) => ok({ successful_key_count: asked - failed.length, unsuccessful_keys: failed });

async function json(request) {
  if ((request.headers.get("content-type") ?? "").split(";")[0] !== "application/json") throw bad("not JSON");
  const body = await request.text();
  if (body.length > BULK_BYTES) throw new Refusal(413, 10413, "the request is above 100 MB");
  return JSON.parse(body);
}

/** The whole of a bulk call is refused for one pair: so nothing of it may be written before all have been looked at. */
function checked(pair, length) {
  if (typeof pair.key !== "string" || pair.key === "" || bytes(pair.key) > KEY_BYTES) throw bad(`a key has 1 to ${KEY_BYTES} bytes`);
  if (length > VALUE_BYTES) throw new Refusal(413, 10413, "a value is above 25 MiB");
  const { expiration, expiration_ttl: ttl } = pair;
  if (ttl !== undefined && !(Number.isInteger(ttl) && ttl >= SHORTEST_TTL)) throw bad(`expiration_ttl is at least ${SHORTEST_TTL}`);
  const soonest = Math.floor(Date.now() / 1000) + SHORTEST_TTL;
  const inRange = Number.isInteger(expiration) && expiration >= soonest && expiration <= LATEST;
  if (expiration !== undefined && ttl === undefined && !inRange) {
    throw bad(`expiration is at least ${SHORTEST_TTL} seconds away`);
  }
  return pair;
}

/** When each key was written, by namespace. */
const written = new Map();

function writer(kv, namespace, paced) {
  const times = written.get(namespace) ?? written.set(namespace, new Map()).get(namespace);
  /** Does it for the keys whose turn it is, a hundred at once, and answers the others. */
  async function each(items, name, act) {
    const now = Date.now();
    const late = new Set();
    for (const item of paced ? items : []) if (now - (times.get(name(item)) ?? 0) < WRITE_EVERY_MS) late.add(name(item));
    const due = items.filter((item) => !late.has(name(item)));
    for (const item of due) times.set(name(item), now);
    for (let at = 0; at < due.length; at += 100) await Promise.all(due.slice(at, at + 100).map(act));
    return [...late];
  }
  const options = ({ expiration, expiration_ttl, metadata }) => ({
    ...(expiration_ttl !== undefined ? { expirationTtl: expiration_ttl } : { expiration }),
    metadata,
  });
  return {
    put: (pairs) => each(pairs, (it) => it.key, (it) => kv.put(it.key, it.value, options(it))),
    remove: (names) => each(names, (it) => it, (it) => kv.delete(it)),
  };
}
