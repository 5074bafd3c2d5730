// Functions in Node.js, Python and any program, as stock clients create and call them.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { strToU8, zipSync } from 'fflate';
import { CreateFunctionCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { settings, start } from './moonbase.mjs';

let platform, lambda;
before(async () => {
  platform = await start();
  lambda = new LambdaClient(settings(platform.url));
});
after(() => platform?.stop());

// A zip of texts; a file named with "!" in front is a program.
function zip(files) {
  return zipSync(Object.fromEntries(Object.entries(files).map(([name, text]) => [name.replace(/^!/, ''),
    [typeof text === 'string' ? strToU8(text) : text, { os: 3, attrs: (name[0] === '!' ? 0o100755 : 0o100644) << 16 }]])));
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
