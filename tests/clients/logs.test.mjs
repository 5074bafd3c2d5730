// CloudWatch Logs as the stock client reads it: live tails, and what functions say.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { CloudWatchLogsClient, CreateLogGroupCommand, CreateLogStreamCommand, DescribeLogStreamsCommand, FilterLogEventsCommand,
  PutLogEventsCommand, StartLiveTailCommand, TestMetricFilterCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { settings, start } from './moonbase.mjs';
import { zip } from './runtimes_tools.mjs';

let platform, logs;
before(async () => {
  platform = await start();
  // Live tails are asked for at a host of their own, stream-HOST, unless the client is told not to.
  logs = new CloudWatchLogsClient({ ...settings(platform.url), disableHostPrefix: true });
  await clock({ stop: true });
  for (const logGroupName of ['app', 'other']) await logs.send(new CreateLogGroupCommand({ logGroupName }));
  for (const logStreamName of ['web/1', 'web/2', 'job']) await logs.send(new CreateLogStreamCommand({ logGroupName: 'app', logStreamName }));
});
after(() => platform?.stop());

const clock = async (body) => (await fetch(`${platform.url}/_moonbase/clock`, { method: 'POST', body: JSON.stringify(body) })).json();
const now = async () => (await (await fetch(`${platform.url}/_moonbase/clock`)).json()).now_ms;
const arn = (name) => `arn:aws:logs:us-east-1:000000000000:log-group:${name}`;

async function put(logStreamName, ...messages) {
  const timestamp = await now();
  await logs.send(new PutLogEventsCommand({ logGroupName: 'app', logStreamName,
    logEvents: messages.map((message) => ({ timestamp, message })) }));
}

/** A session: its start, the next update after a second of the platform's clock, and its end. */
async function tail(input) {
  const controller = new AbortController();
  const { responseStream } = await logs.send(new StartLiveTailCommand(input), { abortSignal: controller.signal });
  const events = responseStream[Symbol.asyncIterator]();
  const first = (await events.next()).value;
  return {
    started: first.sessionStart,
    update: async () => {
      const next = events.next();
      await clock({ advance: '1s' });
      return (await next).value.sessionUpdate;
    },
    next: () => events.next(),
    stop: () => controller.abort(),
  };
}

test('a live tail shows what is written while it runs, and what it asked for only', async () => {
  await put('job', 'ERROR before');
  const all = await tail({ logGroupIdentifiers: [arn('app'), arn('other')], logEventFilterPattern: 'ERROR' });
  const web = await tail({ logGroupIdentifiers: [arn('app')], logStreamNamePrefixes: ['web/'] });
  const job = await tail({ logGroupIdentifiers: [arn('app')], logStreamNames: ['job'] });
  assert.deepEqual(all.started.logGroupIdentifiers, [arn('app'), arn('other')]);
  assert.match(all.started.sessionId, /^[0-9a-f-]{36}$/);
  assert.equal(all.started.logEventFilterPattern, 'ERROR');
  await put('web/1', 'ERROR no lamps', 'INFO fine');
  await put('job', 'INFO ran');
  const update = await all.update();
  assert.equal(update.sessionMetadata.sampled, false);
  assert.deepEqual(update.sessionResults.map((each) => [each.logStreamName, each.message]), [['web/1', 'ERROR no lamps']]);
  assert.match(update.sessionResults[0].logGroupIdentifier, /app$/);
  assert.ok(update.sessionResults[0].ingestionTime >= update.sessionResults[0].timestamp);
  assert.deepEqual((await all.update()).sessionResults, []);
  assert.deepEqual((await web.update()).sessionResults.map((each) => each.message), ['ERROR no lamps', 'INFO fine']);
  assert.deepEqual((await job.update()).sessionResults.map((each) => each.message), ['INFO ran']);
  for (const each of [all, web, job]) each.stop();
});

test('a live tail shows what a function prints, and samples what is too much', async () => {
  const lambda = new LambdaClient(settings(platform.url));
  await lambda.send(new CreateFunctionCommand({ FunctionName: 'talk', Runtime: 'lua', Handler: 'main.handler',
    Role: 'arn:aws:iam::000000000000:role/test',
    Code: { ZipFile: zip({ 'main.lua': 'function handler(event) for i = 1, event.n do print("line " .. i) end return 1 end' }) } }));
  const say = (n) => lambda.send(new InvokeCommand({ FunctionName: 'talk', Payload: JSON.stringify({ n }) }));
  await say(0); // Its group is there from the first line on.
  await logs.send(new FilterLogEventsCommand({ logGroupName: '/aws/lambda/talk' }));
  const session = await tail({ logGroupIdentifiers: [arn('/aws/lambda/talk')], logEventFilterPattern: '%^line [0-9]+$%' });
  await say(2);
  const few = await session.update();
  assert.deepEqual(few.sessionResults.map((each) => each.message), ['line 1', 'line 2']);
  await say(600);
  const many = await session.update();
  assert.equal(many.sessionResults.length, 500);
  assert.equal(many.sessionMetadata.sampled, true);
  assert.equal((await session.update()).sessionMetadata.sampled, false);
  session.stop();
});

test('what a live tail may not ask for', async () => {
  const refused = (input, name) => assert.rejects(logs.send(new StartLiveTailCommand(input)), { name });
  await refused({ logGroupIdentifiers: ['app'] }, 'InvalidParameterException');
  await refused({ logGroupIdentifiers: [arn('app:*')] }, 'InvalidParameterException');
  await refused({ logGroupIdentifiers: [arn('none')] }, 'ResourceNotFoundException');
  await refused({ logGroupIdentifiers: Array(11).fill(arn('app')) }, 'InvalidParameterException');
  await refused({ logGroupIdentifiers: [arn('app')], logEventFilterPattern: '{ x' }, 'InvalidParameterException');
  await refused({ logGroupIdentifiers: [arn('app'), arn('other')], logStreamNames: ['job'] }, 'InvalidParameterException');
  await refused({ logGroupIdentifiers: [arn('app')], logStreamNames: ['job'], logStreamNamePrefixes: ['web'] }, 'InvalidParameterException');
});

test('fifteen live tails at a time, for three hours at most; who goes makes room', async () => {
  await clock({ advance: '2s' }); // Those of the tests before are noticed to have gone.
  const input = { logGroupIdentifiers: [arn('app')] };
  const sessions = [];
  for (let i = 0; i < 15; i++) sessions.push(await tail(input));
  await assert.rejects(logs.send(new StartLiveTailCommand(input)), { name: 'LimitExceededException' });
  for (const each of sessions.slice(1)) each.stop();
  await clock({ advance: '2s' });
  const another = await tail(input);
  another.stop();
  const ended = (async () => { for (;;) if ((await sessions[0].next()).done) return; })();
  const failed = assert.rejects(ended, { name: 'SessionTimeoutException' });
  await clock({ set: new Date(await now() + 3 * 3600 * 1000).toISOString() });
  await failed;
});

test('streams by their last event, and a pattern that is tried', async () => {
  const { logStreams } = await logs.send(new DescribeLogStreamsCommand({ logGroupName: 'app', orderBy: 'LastEventTime', descending: true, limit: 1 }));
  assert.match(logStreams[0].logStreamName, /^web\/1$/);
  const { matches } = await logs.send(new TestMetricFilterCommand({ filterPattern: '[ip, ..., size > 1000]', logEventMessages: ['1.2.3.4 x 1534', 'y'] }));
  assert.deepEqual(matches[0].extractedValues, { $ip: '1.2.3.4', $2: 'x', $size: '1534' });
});
