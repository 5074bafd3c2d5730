// Functions in Node.js, Python and any program, as stock clients create and call them.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import https from 'node:https';
import { CreateFunctionCommand, InvokeCommand, InvokeWithResponseStreamCommand, LambdaClient,
  PublishLayerVersionCommand } from '@aws-sdk/client-lambda';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { settings, start } from './moonbase.mjs';
import { certificate, packages, zip } from './runtimes_tools.mjs';

let platform, lambda;
before(async () => {
  platform = await start();
  lambda = new LambdaClient(settings(platform.url));
});
after(() => platform?.stop());

// Where a machine gives processes no namespaces (a chroot, some containers), /var/task is not there; the health
// answer says so, and so does the README of the runtimes.
async function withoutNamespaces(t) {
  const { sandbox } = await (await fetch(`${platform.url}/_moonbase/health`)).json();
  if (sandbox.includes('process-namespaces')) return false;
  t.skip('this machine gives processes no namespaces');
  return true;
}

let made = 0;
async function create(runtime, handler, files, more = {}) {
  const FunctionName = `f${++made}`;
  await lambda.send(new CreateFunctionCommand({ FunctionName, Runtime: runtime, Handler: handler,
    Role: 'arn:aws:iam::000000000000:role/test', Code: { ZipFile: zip(files) }, Timeout: 10, ...more }));
  return FunctionName;
}
async function invoke(name, event = {}) {
  const answer = await lambda.send(new InvokeCommand({ FunctionName: name, Payload: JSON.stringify(event), LogType: 'Tail' }));
  return { error: answer.FunctionError, value: JSON.parse(Buffer.from(answer.Payload).toString()),
    log: Buffer.from(answer.LogResult, 'base64').toString() };
}

test('a CommonJS handler answers, and its environment is reused', async () => {
  const name = await create('nodejs20.x', 'index.handler', {
    'index.js': 'let n = 0; exports.handler = async (event) => { console.log("got", event); return { n: ++n, event }; };' });
  const first = await invoke(name, { a: 1 });
  assert.deepEqual(first.value, { n: 1, event: { a: 1 } }, first.log);
  assert.match(first.log, /^START RequestId: [0-9a-f-]{36} Version: \$LATEST$/m);
  assert.match(first.log, /^\d{4}-.*Z\t[0-9a-f-]{36}\tINFO\tgot \{ a: 1 \}$/m);
  assert.match(first.log, /^REPORT RequestId: .*\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t$/m);
  assert.equal((await invoke(name)).value.n, 2);
});

test('an ES module, a nested path, a callback, and a promise that is refused', async () => {
  const esm = await create('nodejs22.x', 'index.handler', {
    'index.mjs': 'export const handler = async (event, context) => context.logStreamName;' });
  assert.match((await invoke(esm)).value, /^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/);
  const typed = await create('nodejs22.x', 'src/app.api.handler', {
    'package.json': '{"type":"module"}', 'src/app.js': 'export const api = { handler: async () => import.meta.url };' });
  assert.match((await invoke(typed)).value, /\/src\/app\.js$/);
  const callback = await create('nodejs18.x', 'index.handler', {
    'index.js': 'exports.handler = (event, context, callback) => { setTimeout(() => console.log("later"), 30); callback(null, context.getRemainingTimeInMillis() > 0); };' });
  const called = await invoke(callback);
  assert.equal(called.value, true);
  assert.match(called.log, /later/); // The answer counts once the event loop is empty.
  const hurried = await create('nodejs20.x', 'index.handler', {
    'index.js': 'exports.handler = (event, context, callback) => { context.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 1000); callback(null, 1); };' });
  assert.equal((await invoke(hurried)).value, 1);
  const done = await create('nodejs20.x', 'index.handler', { 'index.js': 'exports.handler = (event, context) => { context.succeed({ ok: 1 }); };' });
  assert.deepEqual((await invoke(done)).value, { ok: 1 });
  const silent = await create('nodejs20.x', 'index.handler', { 'index.js': 'exports.handler = () => { };' });
  assert.equal((await invoke(silent)).value, null);
  const refused = await create('nodejs20.x', 'index.handler', {
    'index.js': 'class Mine extends Error { constructor(m) { super(m); this.name = "Mine"; } } exports.handler = async () => { throw new Mine("no"); };' });
  const failed = await invoke(refused);
  assert.equal(failed.error, 'Unhandled');
  assert.equal(failed.value.errorType, 'Mine');
  assert.equal(failed.value.errorMessage, 'no');
  assert.match(failed.value.trace[1], /at .*handler \(.*index\.js/);
  assert.match(failed.log, /\tERROR\tInvoke Error \t\{"errorType":"Mine"/);
});

test('what goes wrong while the code is loaded has Lambda\'s names', async () => {
  for (const [files, handler, type] of [
    [{ 'index.js': 'require("nothing-there")' }, 'index.handler', 'Runtime.ImportModuleError'],
    [{ 'index.js': 'exports.handler = (' }, 'index.handler', 'Runtime.UserCodeSyntaxError'],
    [{ 'index.js': 'exports.other = 1' }, 'index.handler', 'Runtime.HandlerNotFound'],
    [{ 'index.js': 'throw new TypeError("at once")' }, 'index.handler', 'TypeError'],
    [{ 'index.js': '' }, '../index.handler', 'Runtime.MalformedHandlerName'],
  ]) {
    const { error, value, log } = await invoke(await create('nodejs20.x', handler, files));
    assert.equal(error, 'Unhandled');
    assert.equal(value.errorType, type, JSON.stringify(value));
    assert.match(log, /INIT_REPORT Init Duration: [\d.]+ ms\tPhase: init\tStatus: error\tError Type: /);
    assert.match(log, /Phase: invoke\tStatus: error/);
  }
  for (const [files, handler, type] of [
    [{ 'app.py': 'import nothing_there' }, 'app.handler', 'Runtime.ImportModuleError'],
    [{ 'app.py': 'def handler(' }, 'app.handler', 'Runtime.UserCodeSyntaxError'],
    [{ 'app.py': 'x = 1' }, 'app.handler', 'Runtime.HandlerNotFound'],
    [{ 'app.py': '' }, 'app', 'Runtime.MalformedHandlerName'],
    [{ 'app.py': 'def handler(event, context): return {1, 2}' }, 'app.handler', 'Runtime.MarshalError'],
  ]) {
    const { error, value } = await invoke(await create('python3.11', handler, files));
    assert.equal(error, 'Unhandled');
    assert.equal(value.errorType, type, JSON.stringify(value));
  }
});

test('rejections and exits end the environment, and the next call works', async () => {
  const name = await create('nodejs20.x', 'index.handler', { 'index.js': `exports.handler = async ({ how }) => {
    if (how === 'reject') { Promise.reject(new Error('lost')); await new Promise((r) => setTimeout(r, 1000)); }
    if (how === 'throw') { setTimeout(() => { throw new RangeError('late'); }, 1); await new Promise((r) => setTimeout(r, 1000)); }
    if (how === 'exit') process.exit(3);
    if (how === 'zero') process.exit(0);
    if (how === 'kill') process.kill(process.pid, 'SIGKILL');
    return process.pid; };` });
  const expected = [['reject', 'Runtime.UnhandledPromiseRejection', /Error: lost/], ['throw', 'RangeError', /late/],
    ['exit', 'Runtime.ExitError', /^RequestId: [0-9a-f-]{36} Error: Runtime exited with error: exit status 3$/],
    ['zero', 'Runtime.ExitError', /Runtime exited without providing a reason$/],
    ['kill', 'Runtime.ExitError', /Runtime exited with error: signal: killed$/]];
  for (const [how, type, message] of expected) {
    const { error, value, log } = await invoke(name, { how });
    assert.equal(error, 'Unhandled', how);
    assert.equal(value.errorType, type);
    assert.match(value.errorMessage, message);
    assert.match(log, /Status: error\tError Type: /);
    assert.equal((await invoke(name)).error, undefined);
  }
});

test('the deadline ends everything that the function started', async () => {
  const name = await create('nodejs20.x', 'index.handler', { 'index.js': `const { spawn } = require('node:child_process');
    exports.handler = async ({ spin }) => { if (!spin) return 1;
      console.log(spawn('sleep', ['1234567'], { detached: true }).pid); for (;;); };` }, { Timeout: 1 });
  const { value, log } = await invoke(name, { spin: true });
  assert.equal(value.errorType, 'Sandbox.Timedout');
  assert.match(value.errorMessage, /Task timed out after 1\.00 seconds$/);
  assert.match(log, /Task timed out after 1\.00 seconds\nEND RequestId/);
  assert.match(log, /Status: timeout/);
  const { execFileSync } = await import('node:child_process');
  const processes = execFileSync('ps', ['-eo', 'stat,args']).toString();
  assert.doesNotMatch(processes, /^[^Z].*sleep 1234567/m);
  assert.equal((await invoke(name)).value, 1);
});

test('a Python handler with a packaged dependency, its context and its log', async (t) => {
  if (await withoutNamespaces(t)) return;
  const name = await create('python3.12', 'pkg/app.handler', {
    'pkg/app.py': `import logging, os, greet
logging.getLogger().setLevel(logging.INFO)
def handler(event, context):
    print("printed")
    logging.info("logged\\nin two lines")
    if event.get("fail"): raise KeyError("gone")
    return {"text": greet.hello(event["name"]), "left": context.get_remaining_time_in_millis() > 0,
            "arn": context.invoked_function_arn, "memory": context.memory_limit_in_mb, "tmp": os.listdir("/tmp")}
`, 'greet/__init__.py': 'def hello(name): return "hello " + name' }, { MemorySize: 256 });
  const { value, log } = await invoke(name, { name: 'Ada' });
  assert.deepEqual(value, { text: 'hello Ada', left: true, memory: '256', tmp: [],
    arn: `arn:aws:lambda:us-east-1:000000000000:function:${name}` });
  assert.match(log, /^printed$/m);
  assert.match(log, /^\[INFO\]\t\d{4}-.*Z\t[0-9a-f-]{36}\tlogged\nin two lines$/m);
  const failed = await invoke(name, { name: 'x', fail: true });
  assert.equal(failed.value.errorType, 'KeyError');
  assert.match(failed.value.stackTrace[0], /^  File ".*app\.py", line 6, in handler\n/);
  assert.match(failed.log, /^\[ERROR\] KeyError: 'gone'\nTraceback \(most recent call last\):$/m);
});

test('a shell script with curl is a runtime', async (t) => {
  if (await withoutNamespaces(t)) return;
  const name = await create('provided.al2023', 'main.go', { '!bootstrap': `#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"
while :; do
  event=$(curl -sS -D /tmp/head "$api/invocation/next")
  id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: *\\([0-9a-f-]*\\).*/\\1/ip' /tmp/head)
  echo "event $event" >&2
  first=$(curl -s -o /dev/null -w '%{http_code}' "$api/invocation/$id/response" -d "{\\"handler\\":\\"$_HANDLER\\",\\"event\\":$event}")
  second=$(curl -s -o /dev/null -w '%{http_code}' "$api/invocation/$id/response" -d twice)
  echo "told $first $second"
done
` });
  const { value, log } = await invoke(name, { n: 1 });
  assert.deepEqual(value, { handler: 'main.go', event: { n: 1 } });
  assert.match(log, /^event \{"n":1\}$/m);
  const again = await invoke(name, { n: 2 });
  assert.deepEqual(again.value.event, { n: 2 });
  const none = await create('provided.al2', 'x', { 'other': '' });
  assert.equal((await invoke(none)).value.errorType, 'Runtime.InvalidEntrypoint');
});

test('a handler sees Lambda\'s variables, works as its role, and calls the platform', async (t) => {
  if (await withoutNamespaces(t)) return;
  const name = await create('nodejs20.x', 'index.handler', {
    'index.js': 'exports.handler = async () => ({ statusCode: 200, body: JSON.stringify(process.env), cwd: process.cwd() });' },
  { Environment: { Variables: { MINE: '1', PATH: '/mine:/usr/bin' } } });
  const { value } = await invoke(name);
  const variables = JSON.parse(value.body);
  for (const [key, expected] of Object.entries({ MINE: '1', PATH: '/mine:/usr/bin', AWS_REGION: 'us-east-1', AWS_DEFAULT_REGION: 'us-east-1',
    AWS_LAMBDA_FUNCTION_NAME: name, AWS_LAMBDA_FUNCTION_VERSION: '$LATEST', AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x', _HANDLER: 'index.handler',
    AWS_ENDPOINT_URL: platform.url, TZ: ':UTC', AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand', LAMBDA_TASK_ROOT: value.cwd }))
    assert.equal(variables[key], expected, key);
  for (const key of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_LAMBDA_RUNTIME_API', '_X_AMZN_TRACE_ID', 'NODE_PATH', 'LD_LIBRARY_PATH', 'LAMBDA_RUNTIME_DIR', 'AWS_LAMBDA_LOG_STREAM_NAME'])
    assert.ok(variables[key], key);
  assert.equal(variables.HOME, undefined);
});

test('answers are streamed, with an HTTP prelude, a break in the middle, and for handlers that do not', async () => {
  const name = await create('nodejs22.x', 'index.handler', { 'index.mjs': `const wait = (ms) => new Promise((r) => setTimeout(r, ms));
    export const handler = awslambda.streamifyResponse(async (event, stream, context) => {
      if (event.early) throw new Error('early');
      stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { 'X-A': '1' } });
      for (let i = 0; i < 3; i++) { stream.write('part' + i + ';'); await wait(20); }
      if (event.late) throw new TypeError('late');
      stream.end();
    });` });
  const stream = async (event) => {
    const answer = await lambda.send(new InvokeWithResponseStreamCommand({ FunctionName: name, Payload: JSON.stringify(event), LogType: 'Tail' }));
    const parts = [];
    let complete;
    for await (const each of answer.EventStream) {
      if (each.PayloadChunk) parts.push(Buffer.from(each.PayloadChunk.Payload).toString());
      if (each.InvokeComplete) complete = each.InvokeComplete;
    }
    return { parts, complete };
  };
  const good = await stream({});
  assert.ok(good.parts.length > 2, JSON.stringify(good.parts));
  assert.equal(good.parts.join(''), '{"statusCode":201,"headers":{"X-A":"1"}}' + '\0'.repeat(8) + 'part0;part1;part2;');
  assert.equal(good.complete.ErrorCode, undefined);
  assert.match(Buffer.from(good.complete.LogResult, 'base64').toString(), /^REPORT /m);
  const late = await stream({ late: true });
  assert.match(late.parts.join(''), /part2;$/);
  assert.equal(late.complete.ErrorCode, 'Unhandled');
  assert.equal(JSON.parse(late.complete.ErrorDetails).errorType, 'TypeError');
  const early = await stream({ early: true });
  assert.equal(JSON.parse(early.complete.ErrorDetails).errorMessage, 'early');
  const whole = await lambda.send(new InvokeCommand({ FunctionName: name }));
  assert.match(Buffer.from(whole.Payload).toString(), /part0;part1;part2;$/);
  const buffered = await create('nodejs20.x', 'index.handler', { 'index.js': 'exports.handler = async () => [1, 2];' });
  const answer = await lambda.send(new InvokeWithResponseStreamCommand({ FunctionName: buffered }));
  const all = [];
  for await (const each of answer.EventStream) if (each.PayloadChunk) all.push(Buffer.from(each.PayloadChunk.Payload).toString());
  assert.equal(all.join(''), '[1,2]');
  await assert.rejects(lambda.send(new InvokeWithResponseStreamCommand({ FunctionName: 'none' })), { name: 'ResourceNotFoundException' });
});

test('the tutorial\'s URL checker', async (t) => {
  if (await withoutNamespaces(t)) return;
  const { key, cert } = certificate();
  const server = https.createServer({ key, cert }, (request, response) => { response.statusCode = 204; response.end(); });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    const name = await create('nodejs20.x', 'index.handler', { 'ca.pem': cert, 'index.js': `const https = require('https');
let url = process.env.URL;
exports.handler = async function (event) {
  let statusCode;
  await new Promise(function (resolve, reject) {
    https.get(url, (res) => { statusCode = res.statusCode; resolve(statusCode); }).on('error', (e) => { reject(Error(e)); });
  });
  console.log(statusCode);
  return statusCode;
};` }, { Environment: { Variables: { URL: `https://localhost:${server.address().port}/`, NODE_EXTRA_CA_CERTS: '/var/task/ca.pem' } } });
    const { value, log } = await invoke(name);
    assert.equal(value, 204, log);
    assert.match(log, /\tINFO\t204$/m);
  } finally {
    server.close();
  }
});

test('Middy and Powertools for AWS Lambda, with their packages in the zip', async () => {
  const name = await create('nodejs22.x', 'index.handler', {
    ...packages('@middy/core', '@aws-lambda-powertools/logger', '@aws-lambda-powertools/metrics', '@aws-lambda-powertools/tracer'),
    'index.mjs': `import middy from '@middy/core';
import { Logger } from '@aws-lambda-powertools/logger';
import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { Tracer } from '@aws-lambda-powertools/tracer';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
const logger = new Logger({ serviceName: 'shop' });
const metrics = new Metrics({ namespace: 'shop', serviceName: 'shop' });
const tracer = new Tracer({ serviceName: 'shop', enabled: false });
export const handler = middy(async (event, context) => {
  logger.info('ordering', { lamps: event.lamps });
  metrics.addMetric('orders', MetricUnit.Count, 1);
  if (event.fail) throw new Error('no lamps');
  return { lamps: event.lamps * 2 };
}).use(captureLambdaHandler(tracer)).use(logMetrics(metrics, { captureColdStartMetric: true })).use(injectLambdaContext(logger))
  .use({ onError: (request) => { request.response = { failed: request.error.message }; } });` }, { Timeout: 20 });
  const { value, log } = await invoke(name, { lamps: 2 });
  assert.deepEqual(value, { lamps: 4 }, log);
  const lines = log.split('\n').map((line) => line.match(/\{.*\}$/)?.[0]).filter(Boolean).map((line) => JSON.parse(line));
  const line = lines.find((each) => each.message === 'ordering');
  assert.equal(line.lamps, 2);
  assert.equal(line.function_name, name);
  assert.equal(line.cold_start, true);
  assert.ok(lines.some((each) => each._aws?.CloudWatchMetrics && each.orders));
  assert.deepEqual((await invoke(name, { lamps: 2, fail: true })).value, { failed: 'no lamps' });
});

test('a handler\'s own SDK finds the platform, as the role of the function', async () => {
  const name = await create('nodejs22.x', 'index.handler', { ...packages('@aws-sdk/client-lambda'),
    'index.mjs': `import { LambdaClient, InvokeCommand } from '@aws-sdk/client-lambda';
const lambda = new LambdaClient();
export const handler = async (event, context) => {
  if (event.leaf) return { leaf: context.clientContext?.custom ?? null };
  const answer = await lambda.send(new InvokeCommand({ FunctionName: context.functionName, Payload: '{"leaf":1}',
    ClientContext: Buffer.from('{"custom":{"a":1}}').toString('base64') }));
  return JSON.parse(Buffer.from(answer.Payload).toString());
};` }, { Timeout: 20, MemorySize: 512 });
  const { value, log } = await invoke(name);
  assert.deepEqual(value, { leaf: { a: 1 } }, log);
});

test('log lines as JSON, from a level on', async () => {
  const Environment = { Variables: { AWS_LAMBDA_LOG_FORMAT: 'JSON', AWS_LAMBDA_LOG_LEVEL: 'WARN' } };
  const lines = (log) => log.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  const node = await create('nodejs20.x', 'index.handler', { 'index.js': `exports.handler = async () => {
    console.info('not this'); console.warn('a %s', 'b'); console.error(new RangeError('c')); console.error({ d: 1 }); return 1; };` }, { Environment });
  const written = lines((await invoke(node)).log);
  assert.deepEqual(written.map((line) => [line.level, line.message?.errorType ?? line.message]),
    [['WARN', 'a b'], ['ERROR', 'RangeError'], ['ERROR', { d: 1 }]]);
  assert.ok(written.every((line) => /^[0-9a-f-]{36}$/.test(line.requestId) && /Z$/.test(line.timestamp)));
  const python = await create('python3.12', 'app.handler', { 'app.py': `import logging
def handler(event, context):
    logging.info("not this")
    logging.warning("lamps", extra={"count": 2})
    raise ValueError("no")
` }, { Environment });
  const [warned, failed] = lines((await invoke(python)).log);
  assert.equal(warned.message, 'lamps');
  assert.equal(warned.count, 2);
  assert.equal(warned.level, 'WARNING');
  assert.equal(failed.errorType, 'ValueError');
});

test('forty invocations at a time share nothing but the code', async () => {
  const name = await create('nodejs20.x', 'index.handler', { 'index.js': `let busy = 0;
    exports.handler = async (event) => { if (busy++) throw new Error('two at a time'); await new Promise((r) => setTimeout(r, 50)); busy--; return event.n; };` }, { Timeout: 60 });
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => invoke(name, { n })));
  assert.deepEqual(answers.map((answer) => answer.value), Array.from({ length: 40 }, (_, n) => n));
});

test('a stream that does not end is cut off, by its deadline and by its size', async () => {
  const name = await create('nodejs22.x', 'index.handler', { 'index.mjs': `import { once } from 'node:events';
    export const handler = awslambda.streamifyResponse(async (event, stream) => {
      for (;;) {
        if (event.flood) { if (!stream.write(Buffer.alloc(1 << 16, 120))) await once(stream, 'drain'); }
        else { stream.write('tick;'); await new Promise((r) => setTimeout(r, 5)); }
      }
    });` }, { Timeout: 2, MemorySize: 512 });
  const end = async (event) => {
    const answer = await lambda.send(new InvokeWithResponseStreamCommand({ FunctionName: name, Payload: JSON.stringify(event) }));
    let bytes = 0, complete;
    for await (const each of answer.EventStream) {
      bytes += each.PayloadChunk?.Payload.length ?? 0;
      complete ??= each.InvokeComplete;
    }
    return { bytes, type: JSON.parse(complete.ErrorDetails).errorType };
  };
  const ticks = await end({});
  assert.equal(ticks.type, 'Sandbox.Timedout');
  assert.ok(ticks.bytes > 0);
  const flood = await end({ flood: true });
  assert.ok(['Sandbox.Timedout', 'Function.ResponseSizeTooLarge'].includes(flood.type), flood.type);
  assert.ok(flood.bytes <= 200 * 1024 * 1024);
  // Who goes away in the middle ends nothing but the connection.
  const answer = await lambda.send(new InvokeWithResponseStreamCommand({ FunctionName: name, Payload: '{"flood":true}' }));
  for await (const each of answer.EventStream) if (each) break;
  assert.equal((await end({})).type, 'Sandbox.Timedout');
});

test('the largest events and answers, and a client context of several lines', async () => {
  const node = await create('nodejs22.x', 'index.handler', { 'index.js':
    'exports.handler = async (event, context) => event.context ? context.clientContext : event;' }, { MemorySize: 1024, Timeout: 30 });
  const python = await create('python3.12', 'app.handler', { 'app.py': `def handler(event, context):
    return context.client_context.custom if event.get("context") else event
` }, { MemorySize: 1024, Timeout: 30 });
  const text = 'ä'.repeat(3_000_000);
  const ClientContext = Buffer.from('{ "custom":\n { "town": "Zürich" } }').toString('base64');
  for (const name of [node, python]) {
    assert.deepEqual((await invoke(name, { text })).value, { text });
    const answer = await lambda.send(new InvokeCommand({ FunctionName: name, ClientContext, Payload: '{"context":true}' }));
    const value = JSON.parse(Buffer.from(answer.Payload).toString());
    assert.deepEqual(value.custom ?? value, { town: 'Zürich' });
  }
  const broken = await create('provided.al2023', 'x', { '!bootstrap': 'no program at all' });
  const { value } = await invoke(broken);
  assert.equal(value.errorType, 'Runtime.InvalidEntrypoint');
  assert.match(value.errorMessage, /fork\/exec \S+\/bootstrap: Exec format error$/);
});

test('a telemetry extension in a layer hears of each invocation, also of several environments at a time', async (t) => {
  if (await withoutNamespaces(t)) return;
  // As AWS's examples do: register, listen at sandbox.localdomain, subscribe, wait for events.
  const { LayerVersionArn } = await lambda.send(new PublishLayerVersionCommand({ LayerName: 'listener', Content: { ZipFile: zip({
    '!extensions/listener': `#!/usr/bin/python3
import http.client, http.server, json, os, threading
class Post(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        for each in json.loads(self.rfile.read(int(self.headers["Content-Length"]))): print("GOT", json.dumps(each), flush=True)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *ignored): pass
threading.Thread(target=http.server.ThreadingHTTPServer(("sandbox.localdomain", 4243), Post).serve_forever, daemon=True).start()
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body=None, headers={}):
    api.request(method, path, json.dumps(body) if body else None, headers)
    answer = api.getresponse()
    return answer.headers, answer.read().decode()
head, _ = call("POST", "/2020-01-01/extension/register", {"events": ["INVOKE", "SHUTDOWN"]}, {"Lambda-Extension-Name": "listener"})
mine = {"Lambda-Extension-Identifier": head["Lambda-Extension-Identifier"]}
call("PUT", "/2022-07-01/telemetry", {"schemaVersion": "2022-07-01", "types": ["platform", "function"],
  "buffering": {"timeoutMs": 25}, "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:4243"}}, mine)
while "SHUTDOWN" not in call("GET", "/2020-01-01/extension/event/next", None, mine)[1]: pass
` }) } }));
  const name = await create('nodejs20.x', 'index.handler', { 'index.js':
    'exports.handler = async (event) => { console.log("lamp", event.n); await new Promise((r) => setTimeout(r, 300)); return event.n; };' },
  { Layers: [LayerVersionArn], Timeout: 30 });
  const answers = await Promise.all([1, 2, 3].map((n) => invoke(name, { n })));
  assert.deepEqual(answers.map((answer) => answer.value), [1, 2, 3], answers[0].log);
  await Promise.all([1, 2, 3].map((n) => invoke(name, { n }))); // What was held when they were frozen leaves now.
  const logs = new CloudWatchLogsClient(settings(platform.url));
  let told = [];
  for (let tries = 0; tries < 200 && told.filter((each) => each.type === 'platform.report').length < 3; tries++) {
    const { events } = await logs.send(new FilterLogEventsCommand({ logGroupName: `/aws/lambda/${name}`, filterPattern: '%^GOT %' }));
    told = events.map((each) => JSON.parse(each.message.slice(4)));
    await new Promise((later) => setTimeout(later, 50));
  }
  const reports = told.filter((each) => each.type === 'platform.report');
  assert.ok(reports.length >= 3, JSON.stringify(told));
  assert.ok(reports.some((each) => each.record.metrics.initDurationMs > 0 && each.record.metrics.memorySizeMB === 128));
  for (const n of [1, 2, 3]) assert.ok(told.some((each) => each.type === 'function' && each.record.endsWith(`lamp ${n}`)));
  assert.equal(told.filter((each) => each.type === 'platform.initStart').length, 3);
  assert.equal(told.find((each) => each.type === 'platform.initStart').record.functionName, name);
});
