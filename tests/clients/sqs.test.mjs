// SQS with the AWS SDK and sqs-consumer, as they are.
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  AddPermissionCommand, ChangeMessageVisibilityCommand, CreateQueueCommand, DeleteMessageBatchCommand, DeleteMessageCommand,
  DeleteQueueCommand, GetQueueAttributesCommand, GetQueueUrlCommand, ListMessageMoveTasksCommand, ListQueuesCommand,
  ListQueueTagsCommand, PurgeQueueCommand, QueueDoesNotExist, QueueNameExists, ReceiptHandleIsInvalid,
  ReceiveMessageCommand, SendMessageBatchCommand, SendMessageCommand, SetQueueAttributesCommand, SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { Consumer } from 'sqs-consumer';
import { settings, start } from './moonbase.mjs';

let moonbase, sqs;
before(async () => {
  moonbase = await start();
  sqs = new SQSClient(settings(moonbase.url));
});
after(() => moonbase.stop());

const create = async (QueueName, Attributes, tags) =>
  (await sqs.send(new CreateQueueCommand({ QueueName, Attributes, tags }))).QueueUrl;

test('a fair queue lets no tenant starve the others', async () => {
  const QueueUrl = await create('shared');
  const send = async (MessageGroupId, count) => {
    for (let sent = 0; sent < count; sent += 10) {
      const Entries = Array.from({ length: Math.min(10, count - sent) }, (_, i) => ({ Id: `${i}`, MessageBody: MessageGroupId, MessageGroupId }));
      await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
    }
  };
  const receive = async () => (await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))).Messages.map(({ Body }) => Body);
  await send('noisy', 100);
  await send('quiet', 3);
  for (let i = 0; i < 4; ++i) await receive();
  const bodies = await receive();
  assert.deepEqual([bodies.length, (await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }))).Attributes.ApproximateNumberOfMessages], [10, '53']);
  // All of the quiet one's are out, though most of the noisy one's came before them.
  const peeked = await (await fetch(`${moonbase.url}/_aws/sqs/messages/us-east-1/000000000000/shared`)).text();
  assert.ok(!peeked.includes('quiet'));
});

describe('a standard queue', () => {
  let QueueUrl;
  before(async () => { QueueUrl = await create('orders', { VisibilityTimeout: '20' }, { team: 'moon' }); });

  test('its url is under the address that the client uses', async () => {
    assert.equal(QueueUrl, `${moonbase.url}/000000000000/orders`);
    assert.equal((await sqs.send(new GetQueueUrlCommand({ QueueName: 'orders' }))).QueueUrl, QueueUrl);
    assert.ok((await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'ord' }))).QueueUrls.includes(QueueUrl));
    assert.deepEqual((await sqs.send(new ListQueueTagsCommand({ QueueUrl }))).Tags, { team: 'moon' });
  });

  // The SDK compares the digests of bodies by itself.
  test('messages are sent, received, hidden, and deleted', async () => {
    const sent = await sqs.send(new SendMessageCommand({
      QueueUrl, MessageBody: 'Grüße ✓',
      MessageAttributes: {
        colour: { DataType: 'String', StringValue: 'blau' }, count: { DataType: 'Number', StringValue: '3' },
        bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) },
      },
      MessageSystemAttributes: { AWSTraceHeader: { DataType: 'String', StringValue: 'Root=1-5759e988-bd862e3fe1be46a994272793' } },
    }));
    const { Messages } = await sqs.send(new ReceiveMessageCommand({
      QueueUrl, WaitTimeSeconds: 5, MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All'],
    }));
    assert.equal(Messages[0].Body, 'Grüße ✓');
    assert.equal(Messages[0].MessageId, sent.MessageId);
    assert.equal(Messages[0].MD5OfMessageAttributes, sent.MD5OfMessageAttributes);
    assert.deepEqual([...Messages[0].MessageAttributes.bytes.BinaryValue], [0, 255]);
    assert.equal(Messages[0].Attributes.ApproximateReceiveCount, '1');
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    assert.equal(Attributes.ApproximateNumberOfMessagesNotVisible, '1');
    const { ReceiptHandle } = Messages[0];
    await sqs.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }));
    const again = await sqs.send(new ReceiveMessageCommand({ QueueUrl }));
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: again.Messages[0].ReceiptHandle }));
    assert.equal((await sqs.send(new ReceiveMessageCommand({ QueueUrl }))).Messages, undefined);
  });

  test('a long poll gets what is sent while it waits', async () => {
    const polling = sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'now' }));
    const { Messages } = await polling;
    assert.equal(Messages[0].Body, 'now');
    await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle }));
  });

  test('batches work in part', async () => {
    const { Successful, Failed } = await sqs.send(new SendMessageBatchCommand({
      QueueUrl, Entries: [{ Id: 'a', MessageBody: 'one' }, { Id: 'b', MessageBody: '\u0000' }],
    }));
    assert.deepEqual(Successful.map(({ Id }) => Id), ['a']);
    assert.deepEqual(Failed.map(({ Id, Code }) => [Id, Code]), [['b', 'InvalidMessageContents']]);
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    const deleted = await sqs.send(new DeleteMessageBatchCommand({
      QueueUrl, Entries: Messages.map(({ ReceiptHandle }, i) => ({ Id: `${i}`, ReceiptHandle })),
    }));
    assert.equal(deleted.Successful.length, 1);
  });

  test('errors are those that the SDK knows', async () => {
    await assert.rejects(sqs.send(new SendMessageCommand({ QueueUrl: `${QueueUrl}x`, MessageBody: 'x' })), (error) => {
      assert.ok(error instanceof QueueDoesNotExist);
      assert.equal(error.Error?.Code ?? error.Code, 'AWS.SimpleQueueService.NonExistentQueue');
      return true;
    });
    await assert.rejects(create('orders', { VisibilityTimeout: '21' }), QueueNameExists);
    await assert.rejects(sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: 'x' })), ReceiptHandleIsInvalid);
    await assert.rejects(sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 11 })),
      { message: 'Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.' });
  });

  test('purge, permission, and a look from outside', async () => {
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'seen' }));
    const look = async () => (await fetch(`${moonbase.url}/_aws/sqs/messages?QueueUrl=${encodeURIComponent(QueueUrl)}`,
      { headers: { accept: 'application/json' } })).json();
    assert.equal((await look()).ReceiveMessageResponse.ReceiveMessageResult.Message.Body, 'seen');
    await sqs.send(new PurgeQueueCommand({ QueueUrl }));
    assert.equal((await look()).ReceiveMessageResponse.ReceiveMessageResult, null);
    await sqs.send(new AddPermissionCommand({ QueueUrl, Label: 'l', AWSAccountIds: ['111111111111'], Actions: ['SendMessage'] }));
  });
});

describe('queues together', () => {
  test('FIFO: order within a group, and no duplicates', async () => {
    const QueueUrl = await create('steps.fifo', { FifoQueue: 'true', ContentBasedDeduplication: 'true' });
    for (const MessageBody of ['1', '2', '2', '3']) {
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody, MessageGroupId: 'g' }));
    }
    const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }));
    assert.deepEqual(Messages.map(({ Body }) => Body), ['1', '2', '3']);
    await sqs.send(new DeleteQueueCommand({ QueueUrl }));
  });

  test('dead letters and their way back', async () => {
    const dead = await create('dead');
    const { Attributes: { QueueArn } } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: dead, AttributeNames: ['QueueArn'] }));
    const QueueUrl = await create('source');
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: {
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: QueueArn, maxReceiveCount: 1 }), VisibilityTimeout: '0' } }));
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'poison' }));
    assert.equal((await sqs.send(new ReceiveMessageCommand({ QueueUrl }))).Messages.length, 1);
    assert.equal((await sqs.send(new ReceiveMessageCommand({ QueueUrl }))).Messages, undefined);
    await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: QueueArn }));
    const back = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 10 }));
    assert.equal(back.Messages[0].Body, 'poison');
    const { Results } = await sqs.send(new ListMessageMoveTasksCommand({ SourceArn: QueueArn }));
    assert.equal(Results[0].ApproximateNumberOfMessagesMoved, 1);
  });

  test('sqs-consumer works through a queue', async () => {
    const queueUrl = await create('consumed');
    const wanted = Array.from({ length: 30 }, (_, i) => `message ${i}`);
    for (let i = 0; i < wanted.length; i += 10) {
      await sqs.send(new SendMessageBatchCommand({
        QueueUrl: queueUrl, Entries: wanted.slice(i, i + 10).map((MessageBody, n) => ({ Id: `${n}`, MessageBody })),
      }));
    }
    const got = [];
    const consumer = Consumer.create({
      queueUrl, sqs, batchSize: 10, waitTimeSeconds: 1,
      handleMessage: async (message) => {
        got.push(message.Body);
        return message;
      },
    });
    const problems = [];
    for (const event of ['error', 'processing_error']) consumer.on(event, (error) => problems.push(error));
    const emptied = new Promise((resolve) => { consumer.on('empty', resolve); });
    consumer.start();
    await emptied;
    consumer.stop();
    assert.deepEqual(problems, []);
    assert.deepEqual(got.sort(), wanted.sort());
    const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: ['All'] }));
    assert.equal(Attributes.ApproximateNumberOfMessages, '0');
    assert.equal(Attributes.ApproximateNumberOfMessagesNotVisible, '0');
  });
});

describe('a queue of a stack', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'moonbase-queues-'));
  let stacked;
  before(async () => {
    writeFileSync(path.join(folder, 'stack.lua'), `
      local s = require "stack" { name = "shop" }
      local orders = s.queue "orders" { visibility = 40 }
      local steps = s.queue "steps" { fifo = true, deduplication = "content" }
      s.fn "send" { handler = function(event)
        local id = orders:send({ total = event.total }, { attributes = { kind = "new", n = 2 } })
        steps:send_batch({ "1", "2" }, { group = "g" })
        return { id = id }
      end }
      s.fn "take" { handler = function()
        local got = orders:receive { max = 10 }
        for _, message in ipairs(got) do orders:delete(message) end
        return { total = got[1].body.total, kind = got[1].attributes.kind, n = got[1].attributes.n }
      end }
      return s`);
    stacked = await start(path.join(folder, 'stack.lua'));
  });
  after(async () => {
    await stacked.stop();
    rmSync(folder, { recursive: true });
  });

  test('handlers send and receive, and any SDK sees the same queue', async () => {
    const lambda = new LambdaClient(settings(stacked.url));
    const client = new SQSClient(settings(stacked.url));
    const invoke = async (FunctionName, event) => {
      const { Payload, FunctionError } = await lambda.send(new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }));
      const answer = JSON.parse(Buffer.from(Payload).toString());
      assert.equal(FunctionError, undefined, JSON.stringify(answer));
      return answer;
    };
    const { id } = await invoke('send', { total: 12 });
    const QueueUrl = `${stacked.url}/000000000000/orders`;
    const { Attributes } = await client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] }));
    assert.equal(Attributes.ApproximateNumberOfMessages, '1');
    assert.equal(Attributes.VisibilityTimeout, '40');
    const look = await client.send(new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: 0 }));
    assert.equal(look.Messages[0].MessageId, id);
    assert.equal(look.Messages[0].Body, '{"total":12}');
    assert.deepEqual(await invoke('take', {}), { total: 12, kind: 'new', n: 2 });
    const steps = await client.send(new ReceiveMessageCommand({ QueueUrl: `${stacked.url}/000000000000/steps.fifo`, MaxNumberOfMessages: 10 }));
    assert.deepEqual(steps.Messages.map(({ Body }) => Body), ['1', '2']);
  });
});
