// What Lua handlers reach outside: http.get and its like, within the stack's outbound policy.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { settings, start } from './moonbase.mjs';

const stack = (outbound) => `
local s = require "stack" { name = "outside"${outbound} }
s.fn "ask" { timeout = 2, handler = function(event)
  local ok, answer = pcall(http.request, event)
  if not ok then return { code = answer.code, message = answer.message } end
  return { status = answer.status, body = answer.body, headers = answer.headers }
end }
return s
`;

let folder, server, port, slow;
before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'outside-'));
  server = createServer((request, response) => {
    if (request.url === '/slow') return void (slow = response);
    if (request.url === '/elsewhere') return response.writeHead(302, { Location: '/there' }).end();
    if (request.url === '/large') return response.end(Buffer.alloc(7_000_000, 'x'));
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => response.writeHead(201, [['Set-Cookie', 'a=1'], ['Set-Cookie', 'b=2']].flat())
      .end(`${request.method} ${request.url} ${request.headers['x-kind']} ${Buffer.concat(chunks)}`));
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  port = server.address().port;
});
after(() => {
  slow?.destroy();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

async function asking(outbound, use) {
  const file = path.join(folder, 'stack.lua');
  writeFileSync(file, stack(outbound));
  const moonbase = await start(file);
  const lambda = new LambdaClient(settings(moonbase.url));
  try {
    await use(async (event) => {
      const answer = await lambda.send(new InvokeCommand({ FunctionName: 'ask', Payload: JSON.stringify(event) }));
      return JSON.parse(Buffer.from(answer.Payload).toString());
    });
  } finally {
    await moonbase.stop();
  }
}

test('a handler asks a server that its stack may reach', () => asking(', outbound = { "127.0.0.1" }', async (ask) => {
  const url = `http://127.0.0.1:${port}`;
  const answer = await ask({ method: 'PUT', url: `${url}/things`, query: { q: 'a b' }, headers: { 'X-Kind': 'lamp' }, body: 'grüße' });
  assert.equal(answer.status, 201);
  assert.equal(answer.body, 'PUT /things?q=a%20b lamp grüße');
  assert.equal(answer.headers['set-cookie'], 'a=1, b=2');
  const redirect = await ask({ url: `${url}/elsewhere` });
  assert.deepEqual([redirect.status, redirect.headers.location], [302, '/there']);
  assert.equal((await ask({ url: `${url}/slow`, timeout: 0.2 })).code, 'Timeout');
  assert.equal((await ask({ url: `${url}/large` })).code, 'ResponseTooLarge');
  assert.equal((await ask({ url: `${url}/x`, headers: { 'a\r\nb': 'c' } })).code, 'InvalidHeader');
  assert.equal((await ask({ url: 'file:///etc/passwd' })).code, 'InvalidUrl');
  // Its own deadline ends a request too.
  const late = await ask({ url: `${url}/slow` });
  assert.ok(late.code === 'Timeout' || late.errorMessage.endsWith('Task timed out after 2.00 seconds'), JSON.stringify(late));
}));

test('without a word of the stack, private addresses are out of reach', () => asking('', async (ask) => {
  for (const host of ['127.0.0.1', 'localhost', '[::1]', '169.254.169.254', '2130706433']) {
    assert.equal((await ask({ url: `http://${host}:${port}/` })).code, 'AddressNotAllowed', host);
  }
}));
