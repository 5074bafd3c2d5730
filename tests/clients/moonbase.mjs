// A Moonbase of the test's own, on a free port, with nothing kept.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import path from 'node:path';

export const root = fileURLToPath(new URL('../../', import.meta.url));
const program = process.env.MOONBASE ?? path.join(root, 'build/moonbase');

/** Starts `moonbase up` with these words; answers its url, what it printed, and stop(). */
export async function start(...words) {
  const child = spawn(program, ['up', '--port', '0', ...(words.includes('--data') ? [] : ['--memory']), ...words], {
    cwd: root, stdio: ['ignore', 'pipe', 'pipe'],
  });
  let printed = '';
  child.stderr.on('data', (text) => { printed += text; });
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      printed += line + '\n';
      const ready = line.match(/^ready (.*)$/);
      if (ready) resolve(ready[1]);
    });
    child.on('exit', (code) => reject(new Error(`moonbase ended with ${code}: ${printed}`)));
  });
  return {
    url,
    pid: child.pid,
    printed: () => printed,
    /** Ends it; answers its exit code. */
    stop: (signal = 'SIGTERM') => new Promise((resolve) => {
      if (child.exitCode !== null) return resolve(child.exitCode);
      child.removeAllListeners('exit');
      child.on('exit', (code) => resolve(code));
      child.kill(signal);
    }),
  };
}

/** What every client is given. */
export function settings(url) {
  return { endpoint: url, region: 'us-east-1', credentials: { accessKeyId: 'test', secretAccessKey: 'test' } };
}
