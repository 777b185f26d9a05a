// A visit by the vendor's client for Node. Every line that it prints is a step that went as the vendor's pages say.
const readline = require('readline');
const OSS = require('ali-oss');

const [port, accessKeyId, accessKeySecret, old] = process.argv.slice(2);
const UNICODE = "猫/a b+c%2F'(1)~.png";
const BODY = Buffer.from('0123456789');

function client(more) {
  return new OSS({
    accessKeyId, accessKeySecret, bucket: 'photos', region: 'oss-cn-hangzhou', endpoint: `http://127.0.0.1:${port}`, authorizationV4: !old,
    ...more,
  });
}

function step(name, right) {
  if (!right) {
    console.error(`${name} went wrong`);
    process.exit(1);
  }
  console.log(name);
}

async function refused(name, status, code, act) {
  try {
    await act();
  } catch (error) {
    return step(`${name} (${error.status} ${error.code})`, error.status === status && error.code === code);
  }
  step(`${name} was taken, which`, false);
}

async function minute() {
  const words = readline.createInterface({ input: process.stdin });
  console.log('a minute later');
  await new Promise((go) => words.once('line', go));
  words.close();
}

// The address of an object names the bucket's host, which is at the port here; a browser would find it by DNS.
async function open(url, options = {}) {
  const { pathname, search } = new URL(url);
  return fetch(`http://127.0.0.1:${port}/photos${pathname}${search}`, options);
}

// By the first version, it signs no address of an IP.
function sign(method, expires, headers, name) {
  if (old) return client({ endpoint: undefined }).signatureUrl(name, { method, expires, ...headers });
  return client().signatureUrlV4(method, expires, { headers }, name);
}

async function visit() {
  const oss = client();
  const put = await oss.put(UNICODE, BODY, {
    mime: 'image/png', meta: { sha256: 'ab' }, headers: { 'Cache-Control': 'max-age=60', 'x-oss-storage-class': 'Standard' },
  });
  step('put', put.res.status === 200 && put.res.headers.etag === '"781E5E245D69B566979B86E28D23F2C7"');
  let head = await oss.head(UNICODE);
  step('head', head.meta.sha256 === 'ab' && head.res.headers['content-type'] === 'image/png'
    && head.res.headers['x-oss-storage-class'] === 'Standard' && head.res.headers['cache-control'] === 'max-age=60');
  step('meta', (await oss.getObjectMeta(UNICODE)).res.headers['content-length'] === '10');
  step('get', (await oss.get(UNICODE)).content.equals(BODY));
  step('range', (await oss.get(UNICODE, { headers: { Range: 'bytes=2-4' } })).content.toString() === '234');
  await refused('missing', 404, 'NoSuchKey', () => oss.get('nothing'));
  await refused('missing head', 404, 'NoSuchKey', () => oss.head('nothing'));
  await refused('condition', 412, 'PreconditionFailed', () => oss.get(UNICODE, { headers: { 'If-Match': '"0"' } }));
  await refused('forbidden overwrite', 409, 'FileAlreadyExists',
    () => oss.put(UNICODE, BODY, { headers: { 'x-oss-forbid-overwrite': 'true' } }));
  await refused('digest', 400, 'InvalidDigest', () => oss.put('digest', BODY, { headers: { 'Content-MD5': '1B2M2Y8AsgTpgAmY7PhCfg==' } }));
  const { Readable } = require('stream');
  await oss.putStream('stream', Readable.from([BODY, BODY]), { contentLength: 20 });
  const { stream } = await oss.getStream('stream');
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  step('stream', Buffer.concat(pieces).length === 20);

  const keys = [];
  for (let n = 0; n < 5; n += 1) {
    keys.push(`list/${n}`);
    await oss.put(`list/${n}`, Buffer.from('x'));
    await oss.put(`list/folder${n}/x`, Buffer.from('x'));
  }
  const wanted = [...keys, ...keys.map((key) => key.replace('list/', 'list/folder') + '/')].sort().join();
  let found = [];
  let marker;
  do {
    // An empty marker would be signed as no other client signs it.
    const page = await oss.list({ prefix: 'list/', delimiter: '/', 'max-keys': 3, ...(marker && { marker }) });
    found.push(...page.objects.map((it) => it.name), ...(page.prefixes || []));
    marker = page.nextMarker;
  } while (marker);
  step('first list', found.sort().join() === wanted);
  found = [];
  let token;
  do {
    const page = await oss.listV2({ prefix: 'list/', delimiter: '/', 'max-keys': 3, 'continuation-token': token });
    found.push(...page.objects.map((it) => it.name), ...(page.prefixes || []));
    token = page.nextContinuationToken;
  } while (token);
  step('list', found.sort().join() === wanted);

  await oss.copy('copy', UNICODE);
  head = await oss.head('copy');
  step('copy', head.meta.sha256 === 'ab' && head.res.headers['x-oss-storage-class'] === 'Standard');
  await refused('guarded copy', 412, 'PreconditionFailed', () => oss.copy('copy', UNICODE, { headers: { 'If-Match': '"0"' } }));
  await oss.copy('copy', 'copy', { headers: { 'x-oss-storage-class': 'Archive' } });
  head = await oss.head('copy');
  step('move forgets headers', head.res.headers['x-oss-storage-class'] === 'Archive' && head.meta === null);
  await oss.copy('kept', UNICODE, { meta: { sha256: 'cd' }, headers: { 'x-oss-storage-class': 'IA', 'Content-Type': 'image/webp' } });
  head = await oss.head('kept');
  step('copy with headers', head.meta.sha256 === 'cd' && head.res.headers['content-type'] === 'image/webp'
    && head.res.headers['x-oss-storage-class'] === 'IA');
  await refused('frozen', 403, 'InvalidObjectState', () => oss.get('copy'));
  await refused('frozen copy', 403, 'InvalidObjectState', () => oss.copy('other', 'copy'));
  step('restore', (await oss.restore('copy', { type: 'Archive', Days: 1 })).res.status === 202);
  step('ongoing', (await oss.head('copy')).res.headers['x-oss-restore'] === 'ongoing-request="true"');
  await refused('restore again', 409, 'RestoreAlreadyInProgress', () => oss.restore('copy'));
  await refused('restore of hot', 400, 'OperationNotSupported', () => oss.restore(UNICODE));
  await minute();
  step('readable', (await oss.get('copy')).content.equals(BODY)
    && (await oss.head('copy')).res.headers['x-oss-restore'].startsWith('ongoing-request="false", expiry-date="'));
  await oss.copy('copy', 'copy', { meta: { sha256: 'ab' }, headers: { 'x-oss-storage-class': 'Standard' } });
  step('hot again', (await oss.head('copy')).meta.sha256 === 'ab');

  const large = Buffer.alloc((200 << 10) + 3, 'p');
  const { uploadId } = await oss.initMultipartUpload('large');
  const parts = [];
  for (const [number, start, end] of [[1, 0, 100 << 10], [2, 100 << 10, 200 << 10], [3, 200 << 10, large.length]]) {
    const part = await oss.uploadPart('large', uploadId, number, large, start, end);
    parts.push({ number, etag: part.etag });
  }
  const done = await oss.completeMultipartUpload('large', uploadId, parts);
  step('multipart', done.etag.replaceAll('"', '').endsWith('-3') && (await oss.get('large')).content.equals(large));
  await refused('completed upload', 404, 'NoSuchUpload', () => oss.uploadPart('large', uploadId, 1, large, 0, 100 << 10));
  const second = await oss.initMultipartUpload('large');
  step('abort', (await oss.abortMultipartUpload('large', second.uploadId)).res.status === 204);
  await oss.multipartUpload('managed', large, { partSize: 100 << 10 });
  step('managed upload', (await oss.get('managed')).content.equals(large));

  const headers = { 'Content-Type': 'text/plain', 'x-oss-meta-owner': 'me' };
  let url = await sign('PUT', 600, headers, 'by url/猫');
  step('signed put', (await open(url, { method: 'PUT', body: 'by url', headers })).status === 200);
  url = await sign('GET', 600, {}, 'by url/猫');
  step('signed get', (await (await open(url)).text()) === 'by url');
  step('changed url', (await open(url.replace(/[sS]ignature=/, '$&0'))).status === 403);
  await minute();
  url = await sign('GET', 30, {}, 'by url/猫');
  step('late url', (await open(url)).status === 403);

  await oss.delete('copy');
  await refused('delete', 404, 'NoSuchKey', () => oss.head('copy'));
  const many = await oss.deleteMulti(keys);
  step('batch delete', many.deleted.map((it) => it.Key).sort().join() === keys.join());
  await refused('wrong secret', 403, 'SignatureDoesNotMatch', () => client({ accessKeySecret: 'wrong' }).get('large'));
  await refused('wrong key', 403, 'InvalidAccessKeyId', () => client({ accessKeyId: 'nobody' }).get('large'));
  if (!old) await refused('wrong region', 400, 'InvalidArgument', () => client({ region: 'oss-cn-shanghai' }).get('large'));
  await refused('wrong bucket', 404, 'NoSuchBucket', () => client({ bucket: 'videos' }).get('large'));
  if (!old) await refused('first signature', 400, 'InvalidArgument', () => client({ authorizationV4: false }).get('large'));
  else step('second signature', (await client({ authorizationV4: true }).get('large')).content.equals(large));
  console.log('all went well');
}

visit().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
