// What stands around a bucket, through the AWS SDK for JavaScript: settings, notifications, lifecycle, locks, policies,
// and pages.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import {
  CreateBucketCommand, DeleteObjectCommand, GetBucketAclCommand, GetBucketCorsCommand, GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand, GetBucketNotificationConfigurationCommand, GetBucketPolicyCommand,
  GetBucketPolicyStatusCommand, GetBucketReplicationCommand, GetBucketTaggingCommand, GetBucketWebsiteCommand,
  GetObjectCommand, GetObjectLegalHoldCommand, GetObjectLockConfigurationCommand, GetObjectRetentionCommand,
  GetPublicAccessBlockCommand, HeadObjectCommand, ListObjectsV2Command, PutBucketAclCommand, PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand, PutBucketNotificationConfigurationCommand, PutBucketPolicyCommand,
  PutBucketReplicationCommand, PutBucketTaggingCommand, PutBucketWebsiteCommand, PutObjectCommand,
  PutObjectLegalHoldCommand, PutObjectLockConfigurationCommand, PutObjectRetentionCommand, S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { settings, start } from './moonbase.mjs';

let moonbase, s3, sqs;
before(async () => {
  moonbase = await start();
  s3 = new S3Client(settings(moonbase.url));
  sqs = new SQSClient(settings(moonbase.url));
  await clock({ stop: true });
});
after(async () => {
  s3.destroy();
  sqs.destroy();
  assert.equal(await moonbase.stop(), 0);
});

const clock = async (what) => {
  const response = await fetch(`${moonbase.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify(what) });
  assert.equal(response.status, 200);
  return response.json();
};
const bucket = async (Bucket, more = {}) => {
  await s3.send(new CreateBucketCommand({ Bucket, ...more }));
  return { Bucket };
};
const refused = (command, name) => assert.rejects(s3.send(command), { name });

test('settings come back as they were put', async () => {
  const one = await bucket('js-settings');
  await refused(new GetBucketTaggingCommand(one), 'NoSuchTagSet');
  await s3.send(new PutBucketTaggingCommand({ ...one, Tagging: { TagSet: [{ Key: 'team', Value: 'moon' }] } }));
  assert.deepEqual((await s3.send(new GetBucketTaggingCommand(one))).TagSet, [{ Key: 'team', Value: 'moon' }]);

  const CORSRules = [{ ID: 'all', AllowedHeaders: ['*'], AllowedMethods: ['GET', 'PUT'], AllowedOrigins: ['*'], MaxAgeSeconds: 5 }];
  await s3.send(new PutBucketCorsCommand({ ...one, CORSConfiguration: { CORSRules } }));
  assert.deepEqual((await s3.send(new GetBucketCorsCommand(one))).CORSRules, CORSRules);

  const { ServerSideEncryptionConfiguration: { Rules: [rule] } } = await s3.send(new GetBucketEncryptionCommand(one));
  assert.equal(rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm, 'AES256');
  assert.equal((await s3.send(new GetPublicAccessBlockCommand(one))).PublicAccessBlockConfiguration.BlockPublicPolicy, true);
  const { Owner, Grants } = await s3.send(new GetBucketAclCommand(one));
  assert.deepEqual([Grants.length, Grants[0].Grantee.ID, Grants[0].Grantee.Type, Grants[0].Permission], [1, Owner.ID, 'CanonicalUser', 'FULL_CONTROL']);
  await refused(new PutBucketAclCommand({ ...one, ACL: 'public-read' }), 'AccessControlListNotSupported');
  await refused(new GetBucketReplicationCommand(one), 'ReplicationConfigurationNotFoundError');
  await refused(new GetBucketWebsiteCommand(one), 'NoSuchWebsiteConfiguration');
});

test('what is not built says so', async () => {
  const one = await bucket('js-unbuilt');
  await refused(new PutBucketWebsiteCommand({ ...one, WebsiteConfiguration: { IndexDocument: { Suffix: 'index.html' } } }), 'NotImplemented');
  await refused(new PutBucketReplicationCommand({ ...one, ReplicationConfiguration: { Role: 'r', Rules: [{ Status: 'Enabled', Destination: { Bucket: 'arn:aws:s3:::x' } }] } }), 'NotImplemented');
});

test('a queue is told what happens', async () => {
  const one = await bucket('js-told');
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: 'told' }));
  const next = async () => {
    await clock({ advance: '1s' });
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    if (!Messages) return undefined;
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle }));
    return JSON.parse(Messages[0].Body);
  };
  const QueueArn = 'arn:aws:sqs:us-east-1:000000000000:told';
  const configuration = { Id: 'pictures', QueueArn, Events: ['s3:ObjectCreated:*', 's3:ObjectRemoved:Delete'], Filter: { Key: { FilterRules: [{ Name: 'suffix', Value: '.jpg' }] } } };
  const tell = (QueueConfigurations) => new PutBucketNotificationConfigurationCommand({ ...one, NotificationConfiguration: { QueueConfigurations } });
  await refused(tell([{ ...configuration, QueueArn: `${QueueArn}-nowhere` }]), 'InvalidArgument');
  await s3.send(tell([configuration]));
  const kept = await s3.send(new GetBucketNotificationConfigurationCommand(one));
  assert.deepEqual(kept.QueueConfigurations[0], { ...configuration, Filter: { Key: { FilterRules: [{ Name: 'Suffix', Value: '.jpg' }] } } });
  assert.equal((await next()).Event, 's3:TestEvent');

  const put = await s3.send(new PutObjectCommand({ ...one, Key: 'red flower.jpg', Body: 'petals' }));
  await s3.send(new PutObjectCommand({ ...one, Key: 'notes.txt', Body: 'x' }));
  const { Records: [record] } = await next();
  assert.equal(record.eventName, 'ObjectCreated:Put');
  assert.equal(record.s3.object.key, 'red+flower.jpg');
  assert.equal(`"${record.s3.object.eTag}"`, put.ETag);
  assert.equal(record.responseElements['x-amz-request-id'], put.$metadata.requestId);
  assert.equal(record.s3.configurationId, 'pictures');
  await s3.send(new DeleteObjectCommand({ ...one, Key: 'red flower.jpg' }));
  assert.equal((await next()).Records[0].eventName, 'ObjectRemoved:Delete');
  assert.equal(await next(), undefined);
});

test('rules end objects when their days are over', async () => {
  const one = await bucket('js-lifecycle');
  const Rules = [{ ID: 'old', Status: 'Enabled', Filter: { Prefix: 'tmp/' }, Expiration: { Days: 2 } }];
  await s3.send(new PutBucketLifecycleConfigurationCommand({ ...one, LifecycleConfiguration: { Rules } }));
  assert.deepEqual((await s3.send(new GetBucketLifecycleConfigurationCommand(one))).Rules, Rules);
  const { Expiration } = await s3.send(new PutObjectCommand({ ...one, Key: 'tmp/a', Body: '1' }));
  assert.match(Expiration, /^expiry-date=".* 00:00:00 GMT", rule-id="old"$/);
  assert.equal((await s3.send(new HeadObjectCommand({ ...one, Key: 'tmp/a' }))).Expiration, Expiration);
  await s3.send(new PutObjectCommand({ ...one, Key: 'kept', Body: '1' }));
  await clock({ advance: '72h' });
  assert.deepEqual((await s3.send(new ListObjectsV2Command(one))).Contents.map(({ Key }) => Key), ['kept']);
  await refused(new PutBucketLifecycleConfigurationCommand({ ...one, LifecycleConfiguration: { Rules: [{ ...Rules[0], Expiration: { Days: 0 } }] } }), 'InvalidArgument');
});

test('what is locked stays', async () => {
  const one = await bucket('js-locked', { ObjectLockEnabledForBucket: true });
  await s3.send(new PutObjectLockConfigurationCommand({ ...one, ObjectLockConfiguration: { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention: { Mode: 'GOVERNANCE', Days: 1 } } } }));
  assert.equal((await s3.send(new GetObjectLockConfigurationCommand(one))).ObjectLockConfiguration.Rule.DefaultRetention.Days, 1);
  const { VersionId } = await s3.send(new PutObjectCommand({ ...one, Key: 'deed', Body: '1' }));
  const version = { ...one, Key: 'deed', VersionId };
  const RetainUntilDate = new Date((await clock({ stop: true })).now ?? Date.now());
  RetainUntilDate.setUTCFullYear(RetainUntilDate.getUTCFullYear() + 30);
  await s3.send(new PutObjectRetentionCommand({ ...version, Retention: { Mode: 'COMPLIANCE', RetainUntilDate } }));
  assert.equal((await s3.send(new GetObjectRetentionCommand(version))).Retention.Mode, 'COMPLIANCE');
  await refused(new DeleteObjectCommand({ ...version, BypassGovernanceRetention: true }), 'AccessDenied');
  await s3.send(new PutObjectLegalHoldCommand({ ...version, LegalHold: { Status: 'ON' } }));
  assert.equal((await s3.send(new GetObjectLegalHoldCommand(version))).LegalHold.Status, 'ON');
  assert.equal((await s3.send(new HeadObjectCommand(version))).ObjectLockLegalHoldStatus, 'ON');
});

test('a policy lets another account in', async () => {
  const one = await bucket('js-shared');
  await s3.send(new PutObjectCommand({ ...one, Key: 'cat', Body: '1' }));
  const other = new S3Client({ ...settings(moonbase.url), credentials: { accessKeyId: '111122223333', secretAccessKey: 'x' } });
  await assert.rejects(other.send(new GetObjectCommand({ ...one, Key: 'cat' })), { name: 'AccessDenied' });
  const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: { AWS: '111122223333' }, Action: 's3:GetObject', Resource: 'arn:aws:s3:::js-shared/*' }] });
  await s3.send(new PutBucketPolicyCommand({ ...one, Policy }));
  assert.equal((await s3.send(new GetBucketPolicyCommand(one))).Policy, Policy);
  assert.equal((await s3.send(new GetBucketPolicyStatusCommand(one))).PolicyStatus.IsPublic, false);
  assert.equal(await (await other.send(new GetObjectCommand({ ...one, Key: 'cat' }))).Body.transformToString(), '1');
  await assert.rejects(other.send(new PutObjectCommand({ ...one, Key: 'cat', Body: '2' })), { name: 'AccessDenied' });
  other.destroy();
});

test('a page uploads by a link, as far as the rules let it', async () => {
  const one = await bucket('js-pages');
  const Origin = 'https://app.example.com';
  await s3.send(new PutBucketCorsCommand({ ...one, CORSConfiguration: { CORSRules: [{ AllowedHeaders: ['*'], AllowedMethods: ['PUT'], AllowedOrigins: [Origin], ExposeHeaders: ['ETag'] }] } }));
  const link = await getSignedUrl(s3, new PutObjectCommand({ ...one, Key: 'cat' }), { expiresIn: 7 * 86400 });  // The clock has been moved by days.
  const ask = (origin) => fetch(link, { method: 'OPTIONS', headers: { Origin: origin, 'Access-Control-Request-Method': 'PUT', 'Access-Control-Request-Headers': 'content-type' } });
  const asked = await ask(Origin);
  assert.deepEqual([asked.status, asked.headers.get('access-control-allow-origin'), asked.headers.get('access-control-allow-headers')], [200, Origin, 'content-type']);
  assert.equal((await ask('https://evil.example')).status, 403);
  const put = (origin) => fetch(link, { method: 'PUT', body: 'pixels', headers: { Origin: origin } });
  assert.equal((await put('https://evil.example')).status, 403);
  const done = await put(Origin);
  assert.deepEqual([done.status, done.headers.get('access-control-expose-headers')], [200, 'ETag']);
});
