// The Runtime API as this runtime speaks it. The platform hands a connection down on which reading and writing
// block: between invocations nothing of this process runs, as on Lambda, and an invocation is one write and
// one read. Where that connection is lost (a wrapper may close it), the API is asked over HTTP.
import fs from "node:fs";

const { fstatSync, readSync, writeSync } = fs;
const prefix = "/2018-06-01/runtime/";
const address = process.env.AWS_LAMBDA_RUNTIME_API;
const userAgent = `moonbase-node/${process.versions.node}`;
const descriptor = inherited();
delete process.env._MOONBASE_RUNTIME_FD;

function inherited() {
  const number = Number(process.env._MOONBASE_RUNTIME_FD ?? -1);
  try {
    return fstatSync(number).isSocket() ? number : -1;
  } catch {
    return -1;
  }
}

// Kept before any code of the function's can replace them.
const asFunction = Function.prototype.call.bind.bind(Function.prototype.call);
const indexOf = asFunction(String.prototype.indexOf);
const slice = asFunction(String.prototype.slice);
const toLowerCase = asFunction(String.prototype.toLowerCase);
const { from, allocUnsafeSlow: alloc, byteLength } = Buffer;
const part = asFunction(Buffer.prototype.subarray);
const copy = asFunction(Buffer.prototype.copy);
const readLatin1 = asFunction(Buffer.prototype.latin1Slice);
const readUtf8 = asFunction(Buffer.prototype.utf8Slice);
const writeLatin1 = asFunction(Buffer.prototype.latin1Write);
const writeUtf8 = asFunction(Buffer.prototype.utf8Write);

const buffer = alloc(64 * 1024);

function writeAll(bytes) {
  for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
}

function readMore(into, at) {
  for (;;) {
    try {
      const count = readSync(descriptor, into, at, into.length - at, null);
      if (count === 0) throw new Error("the Runtime API closed the connection");
      return at + count;
    } catch (error) {
      if (error.code !== "EINTR") throw error;
    }
  }
}

function headersOf(head) {
  const headers = {};
  for (let at = indexOf(head, "\r\n") + 2; at > 1 && at < head.length;) {
    let end = indexOf(head, "\r\n", at);
    if (end < 0) end = head.length;
    const colon = indexOf(head, ": ", at);
    headers[toLowerCase(slice(head, at, colon))] = slice(head, colon + 2, end);
    at = end + 2;
  }
  return headers;
}

// One answer: nothing is asked before it has been read, so that nothing follows it.
function readAnswer() {
  let filled = 0;
  let head;
  for (let end = -1; end < 0;) {
    filled = readMore(buffer, filled);
    const text = readLatin1(buffer, 0, filled);
    end = indexOf(text, "\r\n\r\n");
    head = slice(text, 0, end);
  }
  const headers = headersOf(head);
  const begin = head.length + 4;
  const end = begin + Number(headers["content-length"] ?? 0);
  let whole = buffer;
  if (end > buffer.length) {
    whole = alloc(end);
    copy(buffer, whole, 0, 0, filled);
  }
  while (filled < end) filled = readMore(whole, filled);
  return { status: Number(slice(head, 9, 12)), headers, body: readUtf8(whole, begin, end) };
}

function ask(method, path, headers, text) {
  let head = `${method} ${prefix}${path} HTTP/1.1\r\nHost: ${address}\r\nUser-Agent: ${userAgent}\r\n`;
  for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
  const length = byteLength(text);
  head += `Content-Length: ${length}\r\n\r\n`;
  if (head.length + length <= buffer.length) {
    const begin = writeLatin1(buffer, head, 0);
    writeAll(part(buffer, 0, begin + writeUtf8(buffer, text, begin)));
  } else {
    writeAll(from(head + text, "utf8"));
  }
  return readAnswer();
}

let http;
let agent;
async function askOverHttp(method, path, headers, text) {
  const { host, port } = await overHttp();
  return new Promise((resolve, reject) => {
    const sent = http.request({ host, port, method, path: prefix + path, agent,
      headers: { "User-Agent": userAgent, "Content-Length": Buffer.byteLength(text), ...headers } }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers,
        body: Buffer.concat(parts).toString("utf8") }));
    });
    sent.on("error", reject);
    sent.end(text);
  });
}

// For answers that leave while they are made.
export async function overHttp() {
  http ??= (await import("node:http")).default;
  agent ??= new http.Agent({ keepAlive: true, maxSockets: 2, noDelay: true });
  const [host, port] = address.split(":");
  return { http, agent, host, port, prefix, userAgent };
}

let send = descriptor < 0 ? askOverHttp : ask;

// For a function that has begun to listen, such as an extension inside the runtime: it must hear between invocations.
export function blockNoMore() {
  send = askOverHttp;
}

export function next() {
  return send("GET", "invocation/next", {}, "");
}

export function post(path, text, headers) {
  return send("POST", path, { "Content-Type": "application/json", ...headers }, text);
}

// The same, and the next invocation; and how long this one took.
export async function postAndNext(path, text, headers, handlerUs) {
  const answer = await post(path, text, { "Moonbase-Runtime-Next": "true", "Moonbase-Runtime-Handler-Us": handlerUs,
    ...headers });
  // What was not taken has been reported by the platform.
  return "lambda-runtime-aws-request-id" in answer.headers || answer.status === 410 ? answer : next();
}
