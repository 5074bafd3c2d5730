// Buckets and objects through the AWS SDK for JavaScript.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { createHash } from 'node:crypto';
import {
  CreateBucketCommand, DeleteBucketCommand, DeleteObjectCommand, GetBucketLocationCommand, GetObjectCommand,
  HeadBucketCommand, HeadObjectCommand, ListBucketsCommand, ListObjectsV2Command, paginateListObjectsV2,
  PutObjectCommand, S3Client,
} from '@aws-sdk/client-s3';
import { settings, start } from './moonbase.mjs';

let moonbase, s3;
before(async () => {
  moonbase = await start();
  s3 = new S3Client(settings(moonbase.url));
});
after(async () => {
  s3.destroy();
  assert.equal(await moonbase.stop(), 0);
});

const bytes = (count) => Buffer.from(Array.from({ length: count }, (_, i) => (i * 7 + (i >> 8)) & 255));
const body = async (answer) => Buffer.from(await answer.Body.transformToByteArray());
async function bucket(name) {
  await s3.send(new CreateBucketCommand({ Bucket: name }));
  return name;
}

test('a bucket is made, found and deleted', async () => {
  const Bucket = await bucket('js-first');
  await s3.send(new HeadBucketCommand({ Bucket }));
  assert.equal((await s3.send(new GetBucketLocationCommand({ Bucket }))).LocationConstraint ?? '', '');
  assert.ok((await s3.send(new ListBucketsCommand({}))).Buckets.some((one) => one.Name === Bucket));
  await s3.send(new DeleteBucketCommand({ Bucket }));
  await assert.rejects(s3.send(new HeadBucketCommand({ Bucket })), { name: 'NotFound' });
});

test('objects come back as they were put, from memory and from streams', async () => {
  const Bucket = await bucket('js-objects');
  for (const count of [0, 5, 40_000, 3_000_000]) {
    const content = bytes(count);
    const Key = `some folder/é+${count}`;
    const put = await s3.send(new PutObjectCommand({ Bucket, Key, Body: content, Metadata: { n: String(count) } }));
    assert.equal(put.ETag, `"${createHash('md5').update(content).digest('hex')}"`);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key, ChecksumMode: 'ENABLED' }));
    assert.deepEqual(await body(got), content);
    assert.equal(got.Metadata.n, String(count));
    // A stream comes as aws-chunked with its checksum behind it.
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: Readable.from([content]), ContentLength: count }));
    assert.deepEqual(await body(await s3.send(new GetObjectCommand({ Bucket, Key }))), content);
    assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key }))).ContentLength, count);
  }
  await assert.rejects(s3.send(new GetObjectCommand({ Bucket, Key: 'none' })), { name: 'NoSuchKey' });
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'none' }));
});

test('a listing pages', async () => {
  const Bucket = await bucket('js-listing');
  await Promise.all(Array.from({ length: 25 }, (_, i) =>
    s3.send(new PutObjectCommand({ Bucket, Key: `d${i % 5}/k${i}`, Body: 'x' }))));
  const keys = [];
  for await (const page of paginateListObjectsV2({ client: s3, pageSize: 10 }, { Bucket }))
    keys.push(...page.Contents.map((one) => one.Key));
  assert.equal(keys.length, 25);
  assert.deepEqual(keys, [...keys].sort());
  const top = await s3.send(new ListObjectsV2Command({ Bucket, Delimiter: '/' }));
  assert.deepEqual(top.CommonPrefixes.map((one) => one.Prefix), ['d0/', 'd1/', 'd2/', 'd3/', 'd4/']);
});
