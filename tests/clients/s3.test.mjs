// Buckets and objects through the AWS SDK for JavaScript.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CopyObjectCommand, CreateBucketCommand,
  CreateMultipartUploadCommand, DeleteBucketCommand, DeleteObjectCommand, DeleteObjectsCommand,
  GetBucketLocationCommand, GetObjectAttributesCommand, GetObjectCommand, GetObjectTaggingCommand, HeadBucketCommand,
  HeadObjectCommand, ListBucketsCommand, ListMultipartUploadsCommand, ListObjectsV2Command, ListObjectVersionsCommand,
  ListPartsCommand, paginateListObjectsV2, PutBucketVersioningCommand, PutObjectCommand, S3Client, UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { CreateFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { strToU8, zipSync } from 'fflate';
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
  for (const count of [0, 5, 200_000, 3_000_000]) {
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

test('an upload in parts, as lib-storage does it, of a stream whose length nobody knows', async () => {
  const Bucket = await bucket('js-uploads');
  const content = bytes(12_000_000);
  const pieces = Array.from({ length: 120 }, (_, i) => content.subarray(i * 100_000, (i + 1) * 100_000));
  const upload = new Upload({ client: s3, queueSize: 3,
    params: { Bucket, Key: 'film', Body: Readable.from(pieces), ContentType: 'video/mp4' } });
  const done = await upload.done();
  assert.match(done.ETag, /-3"$/);
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'film', ChecksumMode: 'ENABLED' }));
  assert.ok((await body(got)).equals(content));
  assert.equal(got.ContentType, 'video/mp4');
  const part = await s3.send(new GetObjectCommand({ Bucket, Key: 'film', PartNumber: 2 }));
  assert.equal(part.PartsCount, 3);
  assert.ok((await body(part)).equals(content.subarray(5 << 20, 10 << 20)));
});

test('the steps of an upload in parts, one by one', async () => {
  const Bucket = await bucket('js-parts');
  const Key = 'a/film é';
  const first = bytes(5 << 20);
  await s3.send(new PutObjectCommand({ Bucket, Key: 'source', Body: first }));
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ChecksumAlgorithm: 'SHA256' }));
  const one = await s3.send(new UploadPartCopyCommand({
    Bucket, Key, UploadId, PartNumber: 1, CopySource: `${Bucket}/source` }));
  const two = await s3.send(new UploadPartCommand({
    Bucket, Key, UploadId, PartNumber: 2, Body: 'the end', ChecksumAlgorithm: 'SHA256' }));
  const parts = await s3.send(new ListPartsCommand({ Bucket, Key, UploadId }));
  assert.deepEqual(parts.Parts.map((part) => part.Size), [5 << 20, 7]);
  assert.equal((await s3.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads[0].Key, Key);
  const complete = (Parts) => s3.send(new CompleteMultipartUploadCommand({
    Bucket, Key, UploadId, MultipartUpload: { Parts } }));
  const listed = [
    { PartNumber: 1, ETag: one.CopyPartResult.ETag, ChecksumSHA256: one.CopyPartResult.ChecksumSHA256 },
    { PartNumber: 2, ETag: two.ETag, ChecksumSHA256: two.ChecksumSHA256 }];
  await assert.rejects(complete([...listed].reverse()), { name: 'InvalidPartOrder' });
  const made = await complete(listed);
  assert.match(made.ChecksumSHA256, /-2$/);
  const { ObjectParts } = await s3.send(new GetObjectAttributesCommand({
    Bucket, Key, ObjectAttributes: ['ObjectParts'] }));
  assert.equal(ObjectParts.TotalPartsCount, 2);
  assert.equal(ObjectParts.Parts[1].ChecksumSHA256, two.ChecksumSHA256);
  const other = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  await s3.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId: other.UploadId }));
  const aborted = new ListPartsCommand({ Bucket, Key, UploadId: other.UploadId });
  await assert.rejects(s3.send(aborted), { name: 'NoSuchUpload' });
});

test('versions, copies and deletions in bulk', async () => {
  const Bucket = await bucket('js-versions');
  await s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  const first = await s3.send(new PutObjectCommand({ Bucket, Key: 'cat', Body: 'first', Tagging: 'a=1&b=2' }));
  await s3.send(new PutObjectCommand({ Bucket, Key: 'cat', Body: 'second' }));
  await s3.send(new CopyObjectCommand({
    Bucket, Key: 'cat', CopySource: `${Bucket}/cat?versionId=${first.VersionId}` }));
  assert.equal((await body(await s3.send(new GetObjectCommand({ Bucket, Key: 'cat' })))).toString(), 'first');
  assert.equal((await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'cat' }))).TagSet.length, 2);
  await s3.send(new DeleteObjectCommand({ Bucket, Key: 'cat' }));
  const { Versions, DeleteMarkers } = await s3.send(new ListObjectVersionsCommand({ Bucket }));
  assert.equal(Versions.length, 3);
  assert.ok(DeleteMarkers[0].IsLatest);
  const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
  assert.equal((await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))).Deleted.length, 4);
  await s3.send(new DeleteBucketCommand({ Bucket }));
});

test('of racing writers who want to be the first, one is', async () => {
  const Bucket = await bucket('js-race');
  const put = (number) => s3.send(new PutObjectCommand({ Bucket, Key: 'one', Body: String(number), IfNoneMatch: '*' }));
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, (_, number) => put(number)));
  assert.equal(outcomes.filter((one) => one.status === 'fulfilled').length, 1);
  for (const { status, reason } of outcomes)
    if (status === 'rejected') assert.equal(reason.$metadata.httpStatusCode, 412);
});

test('presigned links work without credentials', async () => {
  const Bucket = await bucket('js-links');
  const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'a b' }), { expiresIn: 60 });
  assert.equal((await fetch(put, { method: 'PUT', body: 'by link' })).status, 200);
  const wanted = new GetObjectCommand({ Bucket, Key: 'a b', ResponseContentType: 'text/x' });
  const get = await getSignedUrl(s3, wanted, { expiresIn: 60 });
  const got = await fetch(get);
  assert.equal(got.headers.get('content-type'), 'text/x');
  assert.equal(await got.text(), 'by link');
  const ended = await fetch(get.replace(/X-Amz-Date=\d{8}/, 'X-Amz-Date=20200101'));
  assert.equal(ended.status, 403);
});

test('a function is made of a package in a bucket', async () => {
  const Bucket = await bucket('js-code');
  const code = 'exports.handler = async (event) => ({ hello: event.name });';
  await s3.send(new PutObjectCommand({ Bucket, Key: 'code.zip', Body: zipSync({ 'index.js': strToU8(code) }) }));
  const lambda = new LambdaClient(settings(moonbase.url));
  try {
    await lambda.send(new CreateFunctionCommand({
      FunctionName: 'from-bucket', Runtime: 'nodejs20.x', Handler: 'index.handler',
      Role: 'arn:aws:iam::000000000000:role/r', Code: { S3Bucket: Bucket, S3Key: 'code.zip' } }));
    const asked = new InvokeCommand({ FunctionName: 'from-bucket', Payload: '{"name":"moon"}' });
    const { Payload } = await lambda.send(asked);
    assert.deepEqual(JSON.parse(Buffer.from(Payload).toString()), { hello: 'moon' });
  } finally {
    lambda.destroy();
  }
});
