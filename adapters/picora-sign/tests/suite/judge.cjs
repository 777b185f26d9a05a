// Signs the requests of its standard input, a JSON object on each line, with the vendors' clients for Node; answers an object of
// signatures each.
const readline = require('readline');
const OSS = require('ali-oss');
const COS = require('cos-nodejs-sdk-v5');

console.warn = () => {}; // that the token of a temporary key is not refreshed
const SystemDate = Date;
let seconds = 0;

// The time of the request, wherever a client asks for it.
globalThis.Date = class extends SystemDate {
  constructor(...given) {
    super(...(given.length ? given : [seconds * 1000]));
  }

  static now() {
    return seconds * 1000;
  }
};

async function oss(given) {
  const client = new OSS({
    accessKeyId: given.id, accessKeySecret: given.secret, stsToken: given.token || undefined, bucket: given.bucket,
    region: `oss-${given.region}`, endpoint: 'http://127.0.0.1', authorizationV4: true,
  });
  // This client tells "no value" and "an empty one" apart; the others do not.
  const queries = Object.fromEntries(given.query.map(([name, value]) => [name, value === '' ? null : value]));
  const headers = Object.fromEntries(given.headers);
  if (given.expires !== null) {
    const url = await client.signatureUrlV4(given.method, given.expires, { headers, queries }, given.key);
    return new URL(url).searchParams.get('x-oss-signature');
  }
  headers['x-oss-date'] = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  headers['x-oss-content-sha256'] = 'UNSIGNED-PAYLOAD';
  if (given.token) headers['x-oss-security-token'] = given.token;
  return client.authorizationV4(given.method, { headers, queries }, given.bucket, given.key);
}

function cos(given) {
  const Query = Object.fromEntries(given.query);
  const Headers = Object.fromEntries(given.headers);
  if (given.token) (given.expires === null ? Headers : Query)['x-cos-security-token'] = given.token;
  return COS.getAuthorization({
    SecretId: given.id, SecretKey: given.secret, Method: given.method, Key: given.key, Query, Headers, UseRawKey: true,
    KeyTime: `${given.now - 60};${given.now + (given.expires ?? 600)}`,
  });
}

async function judge() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const given = JSON.parse(line);
    seconds = given.now;
    console.log(JSON.stringify({ oss: await oss(given), cos: cos(given) }));
  }
}

judge().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
