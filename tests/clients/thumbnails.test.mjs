// examples/thumbnails, as its README tells it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import path from 'node:path';
import { GetBucketNotificationConfigurationCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { root, settings, start } from './moonbase.mjs';

let moonbase, s3;
before(async () => {
  moonbase = await start(path.join(root, 'examples/thumbnails/stack.lua'));
  s3 = new S3Client({ ...settings(moonbase.url), forcePathStyle: true });
  await clock({ stop: true });
});
after(() => moonbase.stop());

const clock = async (what) => {
  const response = await fetch(`${moonbase.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify(what) });
  assert.equal(response.status, 200);
};
const put = async (Key, Body) => {
  await s3.send(new PutObjectCommand({ Bucket: 'pictures', Key, Body, ContentType: 'image/x-portable-graymap' }));
  await clock({ advance: '1s' });  // Answers when everything that is due has been done.
};
const keys = async () => ((await s3.send(new ListObjectsV2Command({ Bucket: 'pictures' }))).Contents ?? []).map((object) => object.Key);

test('a picture is halved', async () => {
  await put('originals/full moon.pgm', 'P2\n4 2\n255\n0 0 100 100\n0 0 200 200\n');
  const thumbnail = await s3.send(new GetObjectCommand({ Bucket: 'pictures', Key: 'thumbnails/full moon.pgm' }));
  assert.equal(await thumbnail.Body.transformToString(), 'P2\n2 1\n255\n0 150\n');
  assert.equal(thumbnail.ContentType, 'image/x-portable-graymap');
  assert.equal(thumbnail.Metadata.of, 'originals/full moon.pgm');
});

test('what is no picture is left alone', async () => {
  await put('originals/notes.txt', 'P2');
  await put('originals/broken.pgm', 'GIF89a');
  assert.deepEqual(await keys(), ['originals/broken.pgm', 'originals/full moon.pgm', 'originals/notes.txt', 'thumbnails/full moon.pgm']);
});

test('the stack has made a notification like any other', async () => {
  const { LambdaFunctionConfigurations: [told] } = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket: 'pictures' }));
  assert.equal(told.LambdaFunctionArn, 'arn:aws:lambda:us-east-1:000000000000:function:pictures-on-object');
  assert.deepEqual(told.Events, ['s3:ObjectCreated:*']);
  assert.deepEqual(told.Filter.Key.FilterRules, [{ Name: 'Prefix', Value: 'originals/' }, { Name: 'Suffix', Value: '.pgm' }]);
});

test('a page may upload', async () => {
  const asked = await fetch(`${moonbase.url}/pictures/originals/page.pgm`, { method: 'OPTIONS', headers: {
    Origin: 'https://app.example.com', 'Access-Control-Request-Method': 'PUT' } });
  assert.equal(asked.status, 200);
  assert.equal(asked.headers.get('access-control-allow-origin'), '*');
});

test('originals go after a week', async () => {
  await clock({ advance: '8d' });
  assert.deepEqual(await keys(), ['thumbnails/full moon.pgm']);
});
