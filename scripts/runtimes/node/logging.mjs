// console.* as Lambda writes it: "time\trequest id\tLEVEL\ttext", or JSON lines; one event each, however
// many lines it has.
import fs from "node:fs";
import util from "node:util";

const json = process.env.AWS_LAMBDA_LOG_FORMAT === "JSON";
const levels = { trace: 1, debug: 2, info: 3, warn: 4, error: 5, fatal: 6 };
const minimum = json ? levels[(process.env.AWS_LAMBDA_LOG_LEVEL ?? "info").toLowerCase()] ?? 1 : 0;
const descriptor = Number(process.env._LAMBDA_TELEMETRY_LOG_FD);
delete process.env._LAMBDA_TELEMETRY_LOG_FD;
const { stringify } = JSON;
const { writeSync } = fs;
const { format, inspect } = util;
const framedMagic = 0xa55a0003;
const bytesMax = 256 * 1024;

let requestId;

export function beginInvocation(id) {
  requestId = id;
}

// All of it, also where the pipe is full for a moment.
function writeAll(bytes) {
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      if (error.code !== "EAGAIN") return;
    }
  }
}

function write(text) {
  let body = Buffer.from(text, "utf8");
  if (body.length > bytesMax) body = body.subarray(0, bytesMax);
  const head = Buffer.alloc(16);
  head.writeUInt32BE(framedMagic, 0);
  head.writeUInt32BE(body.length, 4);
  head.writeBigInt64BE(BigInt(Date.now()) * 1000n, 8);
  writeAll(Buffer.concat([head, body]));
}

function plainError(error) {
  return { errorType: error?.name ?? "UnknownError", errorMessage: error?.message ?? "",
    stackTrace: typeof error?.stack === "string" ? error.stack.split("\n") : [] };
}

const replaceErrors = (key, value) => (value instanceof Error ? plainError(value) : value);

function jsonLine(level, args) {
  const line = { timestamp: new Date().toISOString(), level, requestId };
  if (args.length === 1) {
    line.message = args[0];
    try {
      return stringify(line, replaceErrors);
    } catch {
      line.message = format(args[0]);
      return stringify(line);
    }
  }
  line.message = format(...args);
  const error = args.find((each) => each instanceof Error);
  if (error) Object.assign(line, plainError(error));
  return stringify(line);
}

function log(level, args) {
  if (levels[level.toLowerCase()] < minimum) return;
  write(json ? jsonLine(level, args)
    : `${new Date().toISOString()}\t${requestId ?? "undefined"}\t${level}\t${format(...args)}`);
}

export function installLogging() {
  for (const [name, level] of [["trace", "TRACE"], ["debug", "DEBUG"], ["log", "INFO"], ["info", "INFO"],
    ["warn", "WARN"], ["error", "ERROR"], ["fatal", "FATAL"]]) {
    console[name] = (...args) => log(level, args);
  }
  console.trace = (...args) => log("TRACE", [format(...args) + "\n" + new Error().stack.split("\n").slice(2).join("\n")]);
}

// A fault, the way Lambda words it.
export function logError(what, described) {
  if (json) write(stringify({ timestamp: new Date().toISOString(), level: "ERROR", requestId, message: described }));
  else write(`${new Date().toISOString()}\t${requestId ?? "undefined"}\tERROR\t${what} \t${stringify(described) ?? inspect(described)}`);
}
