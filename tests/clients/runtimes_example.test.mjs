// examples/runtimes, as its README says; on a copy, because it changes files.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { root, settings, start } from './moonbase.mjs';

let folder, platform, lambda;
before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'runtimes-'));
  cpSync(path.join(root, 'examples/runtimes'), folder, { recursive: true });
  const stack = path.join(folder, 'stack.lua');
  const library = path.relative(folder, path.join(root, 'build/examples/runtimes/words.so'));
  writeFileSync(stack, readFileSync(stack, 'utf8').replace('../../build/examples/runtimes/words.so', library));
  platform = await start(stack);
  lambda = new LambdaClient(settings(platform.url));
});
after(async () => {
  await platform?.stop();
  rmSync(folder, { recursive: true });
});

async function invoke(name) {
  const answer = await lambda.send(new InvokeCommand({ FunctionName: name, Payload: '{"text":"one small step"}' }));
  return JSON.parse(Buffer.from(answer.Payload).toString());
}

test('all four languages count the same', async () => {
  assert.deepEqual(await invoke('wordsAll'),
    ['lua', 'native', 'node', 'python'].map((runtime) => ({ runtime, words: 3 })));
});

test('a changed file runs at the next call, also below the folder', async () => {
  const changed = async (file, from, to, name) => {
    const printed = platform.printed().length;
    const text = readFileSync(path.join(folder, file), 'utf8');
    writeFileSync(path.join(folder, file), text.replace(from, to));
    // The platform says when it has applied the change; the test only looks, its deadline is the runner's.
    while (!/changed[\s\S]*wordsNode|changed[\s\S]*wordsPython/.test(platform.printed().slice(printed)))
      await new Promise((later) => setImmediate(later));
    return (await invoke(name)).words;
  };
  assert.equal(await changed('node/src/count.js', '.length', '.length * 10', 'wordsNode'), 30);
  assert.equal(await changed('python/words.py', '.split())', '.split()) * 100', 'wordsPython'), 300);
});
