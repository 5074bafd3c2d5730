// Code packages for functions: texts, programs, and packages of node_modules with all that they need.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { strToU8, zipSync } from 'fflate';

const modules = fileURLToPath(new URL('node_modules/', import.meta.url));

/** A zip of texts and bytes; a file named with "!" in front is a program. */
export function zip(files) {
  return zipSync(Object.fromEntries(Object.entries(files).map(([name, content]) => [name.replace(/^!/, ''),
    [typeof content === 'string' ? strToU8(content) : content,
      { os: 3, attrs: (name[0] === '!' ? 0o100755 : 0o100644) << 16 }]])));
}

function addFolder(folder, below, files) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) addFolder(file, `${below}/${entry.name}`, files);
    else if (entry.isFile()) files[`${below}/${entry.name}`] = new Uint8Array(readFileSync(file));
  }
}

/** Files of these packages and of what they depend on, as a bundle without a bundler has them. */
export function packages(...names) {
  const files = {};
  const seen = new Set();
  const add = (name) => {
    const folder = path.join(modules, name);
    if (seen.has(name) || !existsSync(folder)) return;
    seen.add(name);
    addFolder(folder, `node_modules/${name}`, files);
    const about = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'));
    for (const needed of Object.keys(about.dependencies ?? {})) add(needed);
  };
  names.forEach(add);
  return files;
}

/** A certificate for localhost that nobody else trusts, and its key. */
export function certificate() {
  const folder = mkdtempSync(path.join(tmpdir(), 'certificate-'));
  try {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
      '-keyout', path.join(folder, 'key.pem'), '-out', path.join(folder, 'cert.pem'), '-subj', '/CN=localhost',
      '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'], { stdio: 'ignore' });
    return { key: readFileSync(path.join(folder, 'key.pem'), 'utf8'), cert: readFileSync(path.join(folder, 'cert.pem'), 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
