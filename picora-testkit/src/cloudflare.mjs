// The official client of Cloudflare's API, as a second opinion: does what `calls.json` says, and writes what it was answered.
//
// Usage: cloudflare.mjs BASE TOKEN ACCOUNT NAMESPACE, with the calls as JSON on standard input: [["bulkUpdate", {...}], ...].
// Standard output is an array of {"answer": ...} and {"status": ..., "codes": [...]}.

import Cloudflare from "cloudflare";

const [baseURL, apiToken, account_id, namespace_id] = process.argv.slice(2);
const { namespaces } = new Cloudflare({ baseURL, apiToken, maxRetries: 0 }).kv;

const calls = {
  put: ({ key, ...more }) => namespaces.values.update(key, { account_id, namespace_id, ...more }),
  get: async ({ key }) => {
    const response = await namespaces.values.get(key, { account_id, namespace_id });
    return { value: await response.text(), expiration: response.headers.get("expiration") };
  },
  remove: ({ key }) => namespaces.values.delete(key, { account_id, namespace_id }),
  metadata: ({ key }) => namespaces.metadata.get(key, { account_id, namespace_id }),
  list: async (query) => {
    const all = [];
    for await (const key of namespaces.keys.list(namespace_id, { account_id, ...query })) all.push(key);
    return all;
  },
  bulkPut: ({ pairs }) => namespaces.bulkUpdate(namespace_id, { account_id, body: pairs }),
  bulkGet: (query) => namespaces.bulkGet(namespace_id, { account_id, ...query }),
  bulkRemove: ({ keys }) => namespaces.bulkDelete(namespace_id, { account_id, body: keys }),
};

let asked = "";
for await (const piece of process.stdin) asked += piece;
const answers = [];
for (const [name, parameters] of JSON.parse(asked)) {
  try {
    answers.push({ answer: (await calls[name](parameters)) ?? null });
  } catch (error) {
    if (!(error instanceof Cloudflare.APIError)) throw error;
    answers.push({ status: error.status, codes: error.errors?.map(({ code }) => code) ?? [] });
  }
}
console.log(JSON.stringify(answers));
