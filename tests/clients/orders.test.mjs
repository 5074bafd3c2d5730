// examples/orders, as its README tells it.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, SQSClient } from '@aws-sdk/client-sqs';
import { root, settings, start } from './moonbase.mjs';

let folder, stack, moonbase, sqs, dynamodb;
before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'orders-'));
  cpSync(path.join(root, 'examples/orders'), folder, { recursive: true });
  stack = path.join(folder, 'stack.lua');
  moonbase = await start(stack);
  sqs = new SQSClient(settings(moonbase.url));
  dynamodb = new DynamoDBClient(settings(moonbase.url));
  await clock({ stop: true });
});
after(async () => {
  await moonbase.stop();
  rmSync(folder, { recursive: true });
});

const clock = async (what) => {
  const response = await fetch(`${moonbase.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify(what) });
  assert.equal(response.status, 200);
};
// Answers when everything that is due has been done.
const settled = () => clock({ advance: '1s' });
const ask = async (method, where, body) => {
  const response = await fetch(`${moonbase.url}/_aws/execute-api/orders/prod${where}`, { method, body: body && JSON.stringify(body) });
  return [response.status, await response.json()];
};
const waiting = async (name) => {
  const { Attributes } = await sqs.send(new GetQueueAttributesCommand({ QueueUrl: `${moonbase.url}/000000000000/${name}`, AttributeNames: ['All'] }));
  return [Attributes.ApproximateNumberOfMessages, Attributes.ApproximateNumberOfMessagesNotVisible].map(Number);
};
const count = async (name) => {
  const { Item } = await dynamodb.send(new GetItemCommand({ TableName: 'counts', Key: { name: { S: name } } }));
  return Item && Number(Item.count.N);
};
const code = async () => (await new LambdaClient(settings(moonbase.url)).send(
  new GetFunctionConfigurationCommand({ FunctionName: 'warehouse-on-message' }))).CodeSha256;
const letters = async () => (await (await fetch(`${moonbase.url}/_aws/sns/mailbox`)).json()).Messages;

test('an order is placed, announced and packed', async () => {
  assert.deepEqual(await ask('POST', '/orders', { id: '1', sku: 'lamp', total: 20 }), [202, { id: '1' }]);
  await settled();
  assert.equal((await ask('GET', '/orders/1'))[1].state, 'packed');
  assert.equal(await count('placed'), 1);
  assert.deepEqual(await waiting('warehouse'), [0, 0]);
});

test('a poison message goes aside after three receives, and keeps nobody from the others', async () => {
  assert.equal((await ask('POST', '/orders', { id: '2', total: 250 }))[0], 202);
  await ask('POST', '/orders', { id: '3', sku: 'desk', total: 90 });
  await settled();
  assert.equal((await ask('GET', '/orders/3'))[1].state, 'packed');
  assert.equal((await ask('GET', '/orders/2'))[1].state, 'placed');
  assert.deepEqual(await waiting('warehouse-dead'), [0, 0]);
  await clock({ advance: '5m' });
  assert.deepEqual(await waiting('warehouse-dead'), [1, 0]);
  assert.deepEqual(await waiting('warehouse'), [0, 0]);
});

test('it comes back with a redrive, when the worker can take it', async () => {
  const before = readFileSync(stack, 'utf8');
  const repaired = before.replace(/  if not order\.sku then error.*\n/, '');
  assert.notEqual(repaired, before);
  const old = await code();
  await clock({ resume: true });
  writeFileSync(stack, repaired);
  // The platform watches the file.
  for (const until = Date.now() + 30000; (await code()) === old;) {
    assert.ok(Date.now() < until, moonbase.printed());
    await new Promise((resolve) => { setTimeout(resolve, 20); });
  }
  await clock({ stop: true });
  const [status, answer] = await ask('POST', '/redrive');
  assert.equal(status, 202);
  assert.ok(answer.task);
  await clock({ advance: '1m' });
  assert.equal((await ask('GET', '/orders/2'))[1].state, 'packed');
  assert.deepEqual(await waiting('warehouse-dead'), [0, 0]);
});

test('the office gets large orders as mail, once its address is confirmed', async () => {
  const [letter] = await letters();
  assert.equal(letter.Address, 'office@orders.example');
  assert.equal((await fetch(letter.Links.Confirm)).status, 200);
  await ask('POST', '/orders', { id: '4', sku: 'sofa', total: 400 });
  await ask('POST', '/orders', { id: '5', sku: 'cup', total: 4 });
  await settled();
  assert.deepEqual((await letters()).map((each) => each.Subject), ['Order 4', 'AWS Notification - Subscription Confirmation']);
});

test('a report is made every hour', async () => {
  assert.notEqual(await count('reported'), await count('placed'));
  await clock({ advance: '1h' });
  assert.equal(await count('reported'), await count('placed'));
});
