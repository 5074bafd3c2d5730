// SNS with the AWS SDK and sns-validator, as they are.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  AddPermissionCommand, ConfirmSubscriptionCommand, CreatePlatformApplicationCommand, CreatePlatformEndpointCommand,
  CreateTopicCommand, DeleteTopicCommand, GetSubscriptionAttributesCommand, GetTopicAttributesCommand,
  InvalidParameterException, ListSubscriptionsByTopicCommand, ListTagsForResourceCommand, ListTopicsCommand,
  NotFoundException, PublishBatchCommand, PublishCommand, SetSubscriptionAttributesCommand, SNSClient, SubscribeCommand,
  TagResourceCommand, UnsubscribeCommand,
} from '@aws-sdk/client-sns';
import { CreateQueueCommand, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import MessageValidator from 'sns-validator';
import { settings, start } from './moonbase.mjs';

// sns-validator fetches the certificate over TLS; the platform's is its own.
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
process.removeAllListeners('warning');

let moonbase, sns, sqs;
before(async () => {
  moonbase = await start('--outbound', '127.0.0.1');
  sns = new SNSClient(settings(moonbase.url));
  sqs = new SQSClient(settings(moonbase.url));
});
after(() => moonbase.stop());

const topic = async (Name, Attributes) => (await sns.send(new CreateTopicCommand({ Name, Attributes }))).TopicArn;
const queue = async (QueueName, Attributes) => {
  const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName, Attributes }));
  return { QueueUrl, arn: `arn:aws:sqs:us-east-1:000000000000:${QueueName}` };
};
const subscribe = async (TopicArn, Protocol, Endpoint, Attributes) => (await sns.send(new SubscribeCommand({
  TopicArn, Protocol, Endpoint, Attributes, ReturnSubscriptionArn: true,
}))).SubscriptionArn;
const receive = async ({ QueueUrl }, count = 1) => {
  const found = [];
  while (found.length < count) {
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({
      QueueUrl, WaitTimeSeconds: 5, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All'],
    }));
    if (!Messages.length) break;
    found.push(...Messages);
  }
  return found;
};
const validated = (message) => new Promise((resolve, reject) =>
  new MessageValidator(/^127\.0\.0\.1:\d+$/).validate(message, (error, good) => (error ? reject(error) : resolve(good))));

test('a subscriber who trusts the data folder\'s certificate verifies messages, as the README says', async () => {
  const data = await mkdtemp(path.join(tmpdir(), 'moonbase-sns-'));
  const own = await start('--data', data);
  try {
    const client = new SNSClient(settings(own.url)), queues = new SQSClient(settings(own.url));
    const { QueueUrl } = await queues.send(new CreateQueueCommand({ QueueName: 'q' }));
    const { TopicArn } = await client.send(new CreateTopicCommand({ Name: 't' }));
    await client.send(new SubscribeCommand({ TopicArn, Protocol: 'sqs', Endpoint: 'arn:aws:sqs:us-east-1:000000000000:q' }));
    await client.send(new PublishCommand({ TopicArn, Message: 'trusted' }));
    const { Messages } = await queues.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
    const script = `const Validator = require('sns-validator');
      new Validator(/^(127\\.0\\.0\\.1|localhost):\\d+$/).validate(JSON.parse(process.env.MESSAGE), (error, good) => {
        console.log(error ? error.message : good.Message); });`;
    const verify = (certificates) => promisify(execFile)(process.execPath, ['-e', script], {
      cwd: import.meta.dirname,
      env: { PATH: process.env.PATH, MESSAGE: Messages[0].Body, ...certificates },
    });
    assert.equal((await verify({ NODE_EXTRA_CA_CERTS: path.join(data, 'tls/tls.crt') })).stdout, 'trusted\n');
    assert.match((await verify({})).stdout, /self-signed certificate/);
  } finally {
    await own.stop();
    await rm(data, { recursive: true });
  }
});

describe('a standard topic', () => {
  let TopicArn;
  before(async () => { TopicArn = await topic('news', { DisplayName: 'News' }); });

  test('is found, described, tagged', async () => {
    assert.equal(TopicArn, 'arn:aws:sns:us-east-1:000000000000:news');
    assert.ok((await sns.send(new ListTopicsCommand({}))).Topics.some((each) => each.TopicArn === TopicArn));
    await sns.send(new TagResourceCommand({ ResourceArn: TopicArn, Tags: [{ Key: 'team', Value: 'moon' }] }));
    assert.deepEqual((await sns.send(new ListTagsForResourceCommand({ ResourceArn: TopicArn }))).Tags, [{ Key: 'team', Value: 'moon' }]);
    await sns.send(new AddPermissionCommand({ TopicArn, Label: 'a', AWSAccountId: ['111111111111'], ActionName: ['Publish'] }));
    const { Attributes } = await sns.send(new GetTopicAttributesCommand({ TopicArn }));
    assert.equal(Attributes.DisplayName, 'News');
    assert.equal(JSON.parse(Attributes.Policy).Statement.length, 2);
  });

  test('reaches its queues, each message once', async () => {
    const queues = await Promise.all([1, 2, 3].map((n) => queue(`fan-${n}`)));
    for (const each of queues) await subscribe(TopicArn, 'sqs', each.arn);
    const { MessageId } = await sns.send(new PublishCommand({
      TopicArn, Message: 'Grüße ✓', Subject: 'Hi',
      MessageAttributes: { colour: { DataType: 'String', StringValue: 'blau' }, bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) } },
    }));
    for (const each of queues) {
      const [message] = await receive(each);
      const body = JSON.parse(message.Body);
      assert.equal(body.MessageId, MessageId);
      assert.equal(body.Message, 'Grüße ✓');
      assert.deepEqual(body.MessageAttributes, { colour: { Type: 'String', Value: 'blau' }, bytes: { Type: 'Binary', Value: 'AP8=' } });
      assert.equal((await validated(body)).MessageId, MessageId);
      await assert.rejects(validated({ ...body, Message: 'forged' }), /signature is invalid/);
    }
  });

  test('filters, and delivers raw', async () => {
    const red = await queue('red');
    const SubscriptionArn = await subscribe(TopicArn, 'sqs', red.arn, { RawMessageDelivery: 'true', FilterPolicy: '{"colour":[{"prefix":"r"}]}' });
    const say = (Message, colour) => sns.send(new PublishCommand({ TopicArn, Message, MessageAttributes: { colour: { DataType: 'String', StringValue: colour } } }));
    await say('one', 'red');
    await say('two', 'blue');
    await say('three', 'rose');
    const messages = await receive(red, 2);
    assert.deepEqual(messages.map((each) => each.Body).sort(), ['one', 'three']);
    assert.equal(messages[0].MessageAttributes.colour.DataType, 'String');
    await assert.rejects(sns.send(new SetSubscriptionAttributesCommand({ SubscriptionArn, AttributeName: 'FilterPolicy', AttributeValue: '{"a":1}' })),
      (error) => error instanceof InvalidParameterException && error.message.startsWith('Invalid parameter: FilterPolicy: "a" must be an object or an array'));
    const { Attributes } = await sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn }));
    assert.equal(Attributes.FilterPolicyScope, 'MessageAttributes');
    await sns.send(new UnsubscribeCommand({ SubscriptionArn }));
    await assert.rejects(sns.send(new GetSubscriptionAttributesCommand({ SubscriptionArn })), NotFoundException);
  });

  test('takes batches, in part', async () => {
    const all = await queue('batch');
    await subscribe(TopicArn, 'sqs', all.arn, { RawMessageDelivery: 'true' });
    const answer = await sns.send(new PublishBatchCommand({ TopicArn, PublishBatchRequestEntries: [
      { Id: 'a', Message: '1' }, { Id: 'b', Message: '' }, { Id: 'c', Message: '3' }] }));
    assert.deepEqual(answer.Successful.map((each) => each.Id), ['a', 'c']);
    assert.deepEqual(answer.Failed, [{ Id: 'b', Code: 'InvalidParameter', Message: 'Invalid parameter: Empty message', SenderFault: true }]);
    assert.deepEqual((await receive(all, 2)).map((each) => each.Body).sort(), ['1', '3']);
  });

  test('is gone when deleted', async () => {
    await sns.send(new DeleteTopicCommand({ TopicArn }));
    await assert.rejects(sns.send(new PublishCommand({ TopicArn, Message: 'x' })), NotFoundException);
  });
});

test('a FIFO topic keeps the order and drops duplicates', async () => {
  const TopicArn = await topic('steps.fifo', { FifoTopic: 'true', ContentBasedDeduplication: 'true' });
  const steps = await queue('steps.fifo', { FifoQueue: 'true' });
  await subscribe(TopicArn, 'sqs', steps.arn, { RawMessageDelivery: 'true' });
  for (const Message of ['1', '2', '3', '2', '4']) await sns.send(new PublishCommand({ TopicArn, Message, MessageGroupId: 'g' }));
  const messages = await receive(steps, 4);
  assert.deepEqual(messages.map((each) => each.Body), ['1', '2', '3', '4']);
  assert.equal(messages[0].Attributes.MessageGroupId, 'g');
});

for (const version of ['1', '2']) {
  test(`an HTTP endpoint confirms and validates, signature version ${version}`, async () => {
    const requests = [];
    let arrived = () => {};
    const server = createServer((request, response) => {
      let text = '';
      request.on('data', (part) => { text += part; });
      request.on('end', () => {
        requests.push({ headers: request.headers, message: JSON.parse(text) });
        response.end();
        arrived();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const next = async () => {
      if (!requests.length) await new Promise((resolve) => { arrived = resolve; });
      return requests.shift();
    };
    const TopicArn = await topic(`web-${version}`, { SignatureVersion: version });
    const answer = await sns.send(new SubscribeCommand({ TopicArn, Protocol: 'http', Endpoint: `http://127.0.0.1:${server.address().port}/hook` }));
    assert.equal(answer.SubscriptionArn, 'pending confirmation');
    const asked = await next();
    assert.equal(asked.headers['x-amz-sns-message-type'], 'SubscriptionConfirmation');
    assert.equal(asked.headers['content-type'], 'text/plain; charset=UTF-8');
    await validated(asked.message);
    // One confirms by the link, the other by the API.
    if (version === '1') assert.equal((await fetch(asked.message.SubscribeURL)).status, 200);
    else await sns.send(new ConfirmSubscriptionCommand({ TopicArn, Token: asked.message.Token }));
    const { Subscriptions } = await sns.send(new ListSubscriptionsByTopicCommand({ TopicArn }));
    assert.match(Subscriptions[0].SubscriptionArn, /^arn:/);
    const { MessageId } = await sns.send(new PublishCommand({ TopicArn, Message: 'hello', Subject: 'S' }));
    const { headers, message } = await next();
    assert.equal(headers['x-amz-sns-subscription-arn'], Subscriptions[0].SubscriptionArn);
    assert.equal(headers['x-amz-sns-message-id'], MessageId);
    assert.equal((await validated(message)).SignatureVersion, version);
    server.close();
  });
}

test('mail is in the mailbox, pushes are in the outbox', async () => {
  const TopicArn = await topic('letters');
  await subscribe(TopicArn, 'email', 'ann@moon.example');
  const mailbox = async () => (await (await fetch(`${moonbase.url}/_aws/sns/mailbox?address=ann%40moon.example`)).json()).Messages;
  await fetch((await mailbox())[0].Links.Confirm);
  await sns.send(new PublishCommand({ TopicArn, Message: 'a letter', Subject: 'Dear Ann' }));
  let letters;
  do letters = await mailbox(); while (letters.length < 2);
  assert.ok(letters.some((each) => each.Subject === 'Dear Ann'));
  assert.match(await (await fetch(`${moonbase.url}/_aws/sns/mailbox.html`)).text(), /Dear Ann/);

  const { PlatformApplicationArn } = await sns.send(new CreatePlatformApplicationCommand({ Name: 'app', Platform: 'GCM', Attributes: { PlatformCredential: 'x' } }));
  const { EndpointArn } = await sns.send(new CreatePlatformEndpointCommand({ PlatformApplicationArn, Token: 't' }));
  await sns.send(new PublishCommand({ TargetArn: EndpointArn, Message: 'ping' }));
  const outbox = await (await fetch(`${moonbase.url}/_aws/sns/platform-endpoint-messages?endpointArn=${encodeURIComponent(EndpointArn)}`)).json();
  assert.equal(outbox.platform_endpoint_messages[EndpointArn][0].Message, 'ping');
});
