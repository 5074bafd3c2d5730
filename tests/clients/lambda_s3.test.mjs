// Lambda and S3 through the AWS SDK: code from buckets, and buckets as destinations of failures.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { zipSync, strToU8 } from 'fflate';
import {
  CreateFunctionCommand, InvokeCommand, LambdaClient, PublishLayerVersionCommand, PutFunctionEventInvokeConfigCommand,
  UpdateFunctionCodeCommand,
} from '@aws-sdk/client-lambda';
import {
  CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutBucketVersioningCommand, PutObjectCommand, S3Client,
} from '@aws-sdk/client-s3';
import { settings, start } from './moonbase.mjs';

let moonbase, lambda, s3, built;
before(async () => {
  moonbase = await start();
  const coverage = await (await fetch(`${moonbase.url}/_moonbase/coverage`)).json();
  built = coverage.services.s3?.operations.GetObject === 'built';
  if (!built) return;
  lambda = new LambdaClient({ ...settings(moonbase.url), maxAttempts: 1 });
  s3 = new S3Client({ ...settings(moonbase.url), forcePathStyle: true });
  await clock({ stop: true });
  await s3.send(new CreateBucketCommand({ Bucket: 'code' }));
  await s3.send(new PutBucketVersioningCommand({ Bucket: 'code', VersioningConfiguration: { Status: 'Enabled' } }));
});
after(() => moonbase.stop());

const withS3 = (name, run) => test(name, (context) => (built ? run(context) : context.skip('S3 is not built')));
const clock = (change) => fetch(`${moonbase.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify(change) });
const returning = (text) => zipSync({ 'index.mjs': strToU8(`export const handler = async (event) => {
  if (event.fail) throw new Error('no lamps');
  return '${text}';
};`) });
const put = async (Key, Body) => (await s3.send(new PutObjectCommand({ Bucket: 'code', Key, Body }))).VersionId;
const create = (FunctionName, Code, more = {}) => lambda.send(new CreateFunctionCommand({
  FunctionName, Runtime: 'nodejs22.x', Handler: 'index.handler', Role: 'arn:aws:iam::000000000000:role/r', Timeout: 10,
  Code, ...more,
}));
const invoke = async (FunctionName, more = {}) => {
  const answer = await lambda.send(new InvokeCommand({ FunctionName, ...more }));
  return answer.Payload?.length ? JSON.parse(Buffer.from(answer.Payload).toString()) : undefined;
};

withS3('code comes from a bucket, also an earlier version of it', async () => {
  const first = await put('f.zip', returning('one'));
  await put('f.zip', returning('two'));
  await create('f', { S3Bucket: 'code', S3Key: 'f.zip' });
  assert.equal(await invoke('f'), 'two');
  await lambda.send(new UpdateFunctionCodeCommand({
    FunctionName: 'f', S3Bucket: 'code', S3Key: 'f.zip', S3ObjectVersion: first,
  }));
  assert.equal(await invoke('f'), 'one');
  await put('layer.zip', zipSync({ 'nodejs/words.js': strToU8('exports.x = 1') }));
  const { Version } = await lambda.send(new PublishLayerVersionCommand({
    LayerName: 'words', Content: { S3Bucket: 'code', S3Key: 'layer.zip' },
  }));
  assert.equal(Version, 1);
});

withS3('a package that no request could bring comes from a bucket', async () => {
  const noise = new Uint8Array(56 * 1024 * 1024);
  for (let i = 0; i < noise.length; i += 65536) crypto.getRandomValues(noise.subarray(i, i + 65536));
  await put('large.zip', zipSync({ 'index.mjs': strToU8("export const handler = async () => 'large'"), noise },
    { level: 0 }));
  await create('large', { S3Bucket: 'code', S3Key: 'large.zip' });
  assert.equal(await invoke('large'), 'large');
});

withS3('what S3 refuses, Lambda refuses', async () => {
  await assert.rejects(create('none', { S3Bucket: 'code', S3Key: 'none.zip' }), {
    name: 'InvalidParameterValueException',
    message: 'Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.',
  });
  await assert.rejects(create('none', { S3Bucket: 'no-such-bucket', S3Key: 'f.zip' }), {
    name: 'InvalidParameterValueException',
    message: /^Error occurred while GetObject\. S3 Error Code: NoSuchBucket\. S3 Error Message: The specified bucket does not exist/,
  });
  const far = new S3Client({ ...settings(moonbase.url), region: 'eu-west-1', forcePathStyle: true });
  await far.send(new CreateBucketCommand({
    Bucket: 'far', CreateBucketConfiguration: { LocationConstraint: 'eu-west-1' },
  }));
  await far.send(new PutObjectCommand({ Bucket: 'far', Key: 'f.zip', Body: returning('far') }));
  await assert.rejects(create('none', { S3Bucket: 'far', S3Key: 'f.zip' }), {
    name: 'InvalidParameterValueException',
    message: 'Error occurred while GetObject. S3 Error Code: PermanentRedirect. S3 Error Message: The bucket is in this '
      + 'region: eu-west-1. Please use this region to retry the request',
  });
});

withS3('an event that fails becomes an object', async () => {
  await s3.send(new CreateBucketCommand({ Bucket: 'failures' }));
  await create('fails', { ZipFile: returning('x') });
  await lambda.send(new PutFunctionEventInvokeConfigCommand({
    FunctionName: 'fails', MaximumRetryAttempts: 0,
    DestinationConfig: { OnFailure: { Destination: 'arn:aws:s3:::failures' } },
  }));
  await lambda.send(new InvokeCommand({ FunctionName: 'fails', InvocationType: 'Event', Payload: '{"fail":true}' }));
  await clock({ advance: '1s' });
  const { Contents } = await s3.send(new ListObjectsV2Command({ Bucket: 'failures' }));
  assert.equal(Contents.length, 1);
  assert.match(Contents[0].Key, /^aws\/lambda\/async\/fails\/\d{4}\/\d\d\/\d\d\/\d{4}-\d\d-\d\dT\d\d\.\d\d\.\d\d-[0-9a-f-]{36}$/);
  const object = await s3.send(new GetObjectCommand({ Bucket: 'failures', Key: Contents[0].Key }));
  const record = JSON.parse(await object.Body.transformToString());
  assert.equal(record.requestContext.condition, 'RetriesExhausted');
  assert.deepEqual(record.requestPayload, { fail: true });
});
