// Workers KV for tests: a worker that speaks the REST dialect, run by Miniflare over its own KV.
//
// Usage: miniflare.mjs PORT, in a folder with `setup.json` and `rest.mjs`.

import fs from "node:fs";
import { Miniflare } from "miniflare";

const setup = JSON.parse(fs.readFileSync("setup.json", "utf8"));
const server = new Miniflare({
  host: "127.0.0.1",
  port: Number(process.argv[2]),
  modules: true,
  script: fs.readFileSync("rest.mjs", "utf8"),
  compatibilityDate: "2026-04-01",
  kvNamespaces: Object.fromEntries(setup.namespaces.map((id) => [`KV_${id}`, id])),
  kvPersist: false,
  bindings: { SETUP: setup },
  cf: false, // or it would ask the vendor where this machine stands
});

process.on("SIGTERM", async () => {
  await server.dispose();
  process.exit(0);
});
await server.ready;
console.log(`ready ${process.pid}`);
