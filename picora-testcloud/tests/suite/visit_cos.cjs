// A visit by the vendor's client for Node. Every line that it prints is a step that went as the vendor's pages say.
const readline = require('readline');
const COS = require('cos-nodejs-sdk-v5');

const [port, SecretId, SecretKey] = process.argv.slice(2);
const UNICODE = "猫/a b+c%2F'(1)~.png";
const BODY = Buffer.from('0123456789');
const BUCKET = { Bucket: 'photos-1250000000', Region: 'ap-guangzhou' };
const CopySource = `photos-1250000000.cos.ap-guangzhou.myqcloud.com/${encodeURIComponent(UNICODE)}`;
const COPY = 'photos-1250000000.cos.ap-guangzhou.myqcloud.com/copy';

function client(more) {
  return new COS({ SecretId, SecretKey, Domain: `127.0.0.1:${port}`, Protocol: 'http:', ...more });
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
    return step(`${name} (${error.statusCode} ${error.code})`, error.statusCode === status && error.code === code);
  }
  step(`${name} was taken, which`, false);
}

async function minute() {
  const words = readline.createInterface({ input: process.stdin });
  console.log('a minute later');
  await new Promise((go) => words.once('line', go));
  words.close();
}

async function visit() {
  const cos = client();
  const object = (Key, more) => ({ ...BUCKET, Key, ...more });
  const read = async (Key, more) => (await cos.getObject(object(Key, more))).Body.toString();
  const head = async (Key) => (await cos.headObject(object(Key))).headers;

  const put = await cos.putObject(object(UNICODE, {
    Body: BODY, ContentType: 'image/png', CacheControl: 'max-age=60', 'x-cos-meta-sha256': 'ab', ContentMD5: 'eB5eJF1ptWaXm4bijSPyxw==',
  }));
  step('put', put.ETag === '"781e5e245d69b566979b86e28d23f2c7"');
  let headers = await head(UNICODE);
  step('head', headers['content-length'] === '10' && headers['x-cos-meta-sha256'] === 'ab' && !('x-cos-storage-class' in headers)
    && headers['content-type'] === 'image/png' && /^\d+$/.test(headers['x-cos-hash-crc64ecma']));
  step('get', (await read(UNICODE)) === '0123456789');
  step('range', (await read(UNICODE, { Range: 'bytes=2-4' })) === '234');
  await refused('missing', 404, 'NoSuchKey', () => read('nothing'));
  await refused('condition', 412, 'PreconditionFailed', () => read(UNICODE, { IfMatch: '"0"' }));
  await refused('digest', 400, 'InvalidDigest', () => cos.putObject(object('digest', { Body: 'x', ContentMD5: '1B2M2Y8AsgTpgAmY7PhCfg==' })));
  await refused('forbidden overwrite', 409, 'FileAlreadyExists',
    () => cos.putObject(object(UNICODE, { Body: 'x', Headers: { 'x-cos-forbid-overwrite': 'true' } })));
  const { Readable } = require('stream');
  await cos.putObject(object('stream', { Body: Readable.from([BODY, BODY]), ContentLength: 20 }));
  step('stream', (await read('stream')).length === 20);

  const keys = [];
  for (let n = 0; n < 5; n += 1) {
    keys.push(`list/${n}`);
    await cos.putObject(object(`list/${n}`, { Body: 'x' }));
    await cos.putObject(object(`list/folder${n}/x`, { Body: 'x' }));
  }
  const wanted = [...keys, ...keys.map((key) => key.replace('list/', 'list/folder') + '/')].sort().join();
  const found = [];
  let page = { NextMarker: '' };
  do {
    page = await cos.getBucket({ ...BUCKET, Prefix: 'list/', Delimiter: '/', MaxKeys: 3, Marker: page.NextMarker });
    found.push(...page.Contents.map((it) => it.Key), ...page.CommonPrefixes.map((it) => it.Prefix));
  } while (page.IsTruncated === 'true');
  step('list', found.sort().join() === wanted);

  await cos.putObjectCopy(object('copy', { CopySource }));
  step('copy', (await head('copy'))['x-cos-meta-sha256'] === 'ab');
  await refused('guarded copy', 412, 'PreconditionFailed', () => cos.putObjectCopy(object('copy', { CopySource, CopySourceIfMatch: '"0"' })));
  await refused('copy onto itself', 400, 'InvalidRequest', () => cos.putObjectCopy(object('copy', { CopySource: COPY })));
  const replaced = { CopySource: COPY, MetadataDirective: 'Replaced', 'x-cos-meta-sha256': 'ab', ContentType: 'image/png' };
  await cos.putObjectCopy(object('copy', { ...replaced, StorageClass: 'ARCHIVE' }));
  headers = await head('copy');
  step('move', headers['x-cos-storage-class'] === 'ARCHIVE' && headers['x-cos-meta-sha256'] === 'ab' && headers['content-type'] === 'image/png');
  await refused('frozen', 403, 'InvalidObjectState', () => read('copy'));
  await refused('frozen copy', 403, 'InvalidObjectState', () => cos.putObjectCopy(object('other', { CopySource: COPY })));
  const restore = (Key) => cos.restoreObject(object(Key, { RestoreRequest: { Days: 1, CASJobParameters: { Tier: 'Expedited' } } }));
  step('restore', (await restore('copy')).statusCode === 202);
  step('ongoing', (await head('copy'))['x-cos-restore'] === 'ongoing-request="true"');
  await refused('restore again', 409, 'RestoreAlreadyInProgress', () => restore('copy'));
  await refused('restore of hot', 405, 'MethodNotAllowed', () => restore(UNICODE));
  await minute();
  step('readable', (await read('copy')) === '0123456789' && (await head('copy'))['x-cos-restore'].includes('expiry-date='));
  step('restore of readable', (await restore('copy')).statusCode === 200);
  await cos.putObjectCopy(object('copy', replaced));
  step('an unset class is standard', !('x-cos-storage-class' in (await head('copy'))));

  const large = Buffer.alloc((2 << 20) + 3, 'p');
  const { UploadId } = await cos.multipartInit(object('large', { ContentType: 'image/png' }));
  const Parts = [];
  for (const [PartNumber, start, end] of [[1, 0, 1 << 20], [2, 1 << 20, 2 << 20], [3, 2 << 20, large.length]]) {
    const part = await cos.multipartUpload(object('large', { UploadId, PartNumber, Body: large.subarray(start, end) }));
    Parts.push({ PartNumber, ETag: part.ETag });
  }
  const done = await cos.multipartComplete(object('large', { UploadId, Parts }));
  step('multipart', done.ETag.replaceAll('"', '').endsWith('-3') && (await read('large')) === large.toString());
  await refused('completed upload', 404, 'NoSuchUpload',
    () => cos.multipartUpload(object('large', { UploadId, PartNumber: 1, Body: large.subarray(0, 1 << 20) })));
  const second = await cos.multipartInit(object('large'));
  step('abort', (await cos.multipartAbort(object('large', { UploadId: second.UploadId }))).statusCode === 204);

  const signed = (Method, more) => cos.getObjectUrl(object('by url/猫', { Method, Sign: true, Expires: 600, ...more }));
  step('signed put', (await fetch(signed('PUT'), { method: 'PUT', body: 'by url' })).status === 200);
  step('signed get', (await (await fetch(signed('GET'))).text()) === 'by url');
  step('changed url', (await fetch(signed('GET').replace('q-signature%3D', 'q-signature%3D0').replace('q-signature=', 'q-signature=0'))).status === 403);
  step('late url', (await fetch(signed('GET', { Expires: 30 }))).status === 403);

  await cos.deleteObject(object('copy'));
  await refused('delete', 404, 'NoSuchKey', () => read('copy'));
  const many = await cos.deleteMultipleObject({ ...BUCKET, Objects: keys.map((Key) => ({ Key })) });
  step('batch delete', many.Deleted.map((it) => it.Key).sort().join() === keys.join());
  await refused('wrong secret', 403, 'SignatureDoesNotMatch', () => client({ SecretKey: 'wrong' }).getObject(object('large')));
  await refused('wrong key', 403, 'InvalidAccessKeyId', () => client({ SecretId: 'nobody' }).getObject(object('large')));
  await refused('wrong token', 403, 'InvalidSecurityToken', () => client({ SecurityToken: 'over' }).getObject(object('large')));
  console.log('all went well');
}

visit().then(() => process.exit(0), (error) => {
  console.error(error);
  process.exit(1);
});
