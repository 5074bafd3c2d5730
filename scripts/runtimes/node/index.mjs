// The Node.js runtime: asks the Lambda Runtime API for work, runs the handler, reports what came of it.
import http from "node:http";
import { loadHandler } from "./handler.mjs";
import { beginInvocation, installLogging, logError } from "./logging.mjs";
import { installStreaming, isStreaming, ResponseStream } from "./streaming.mjs";

// Kept before any code of the function's can replace them.
const { stringify, parse } = JSON;
const now = Date.now.bind(Date);
const exit = process.exit.bind(process);
const setImmediateNow = setImmediate;
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 2, noDelay: true });
const userAgent = `moonbase-node/${process.versions.node}`;
const nodeMajor = Number((process.env.AWS_EXECUTION_ENV ?? "").match(/nodejs(\d+)/)?.[1] ?? 20);

delete process.env.SHLVL;

function request(method, path, headers, body) {
  return new Promise((resolve, reject) => {
    const sent = http.request({ host, port, method, path: `/2018-06-01/runtime/${path}`, agent,
      headers: { "User-Agent": userAgent, ...headers } }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, headers: response.headers,
        body: Buffer.concat(parts).toString("utf8") }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

function post(path, text, headers = {}) {
  const body = Buffer.from(text, "utf8");
  return request("POST", path, { "Content-Type": "application/json", "Content-Length": body.length, ...headers }, body);
}

// What a thrown value looks like to whoever invoked.
function describe(error) {
  if (error instanceof Error || (error && typeof error === "object" && "message" in error && "name" in error)) {
    return { errorType: String(error.name), errorMessage: String(error.message),
      trace: String(error.stack ?? "").split("\n") };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function errorHeaders(described) {
  // Header values are ASCII.
  const type = described.errorType.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
  return { "Lambda-Runtime-Function-Error-Type": type };
}

// The first fault outside any invocation, or that nobody caught, ends the process as on Lambda.
let current = null;
function die(error, type) {
  const wrapped = describe(error);
  if (type === "Runtime.UnhandledPromiseRejection") {
    wrapped.errorMessage = error instanceof Error ? error.toString() : String(error);
    wrapped.reason = describe(error);
    wrapped.promise = {};
    wrapped.errorType = type;
    wrapped.trace = [`${type}: ${wrapped.errorMessage}`, ...wrapped.trace.slice(1)];
    logError("Unhandled Promise Rejection", wrapped);
  } else {
    logError("Uncaught Exception", wrapped);
  }
  const path = current ? `invocation/${current}/error` : "init/error";
  const end = () => exit(type === "Runtime.UnhandledPromiseRejection" ? 128 : 129);
  current = null;
  post(path, stringify(wrapped), errorHeaders(wrapped)).then(end, end);
}
process.on("uncaughtException", (error) => die(error, "Runtime.UncaughtException"));
process.on("unhandledRejection", (reason) => die(reason, "Runtime.UnhandledPromiseRejection"));

function contextOf(headers, finish) {
  const deadline = Number(headers["lambda-runtime-deadline-ms"]);
  // Node reads header bytes as Latin-1.
  const parsed = (text) => (text ? parse(Buffer.from(text, "latin1").toString("utf8")) : undefined);
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: parsed(headers["lambda-runtime-client-context"]),
    identity: parsed(headers["lambda-runtime-cognito-identity"]),
    invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
    awsRequestId: headers["lambda-runtime-aws-request-id"],
    getRemainingTimeInMillis: () => deadline - now(),
  };
  if (nodeMajor < 24) {
    context.succeed = (result) => finish(null, result, true);
    context.fail = (error) => finish(error ?? "handled", undefined, true);
    context.done = (error, result) => finish(error, result);
  }
  return context;
}

// Resolves with { value } or { error }. A callback's answer counts once the event loop is empty, unless
// the context says otherwise.
function run(handler, event, headers) {
  return new Promise((resolve) => {
    let decided = false;
    let context;
    const settle = (outcome) => {
      if (decided) return;
      decided = true;
      process.removeListener("beforeExit", empty);
      resolve(outcome);
    };
    let called = null;
    const finish = (error, result, at_once = false) => {
      if (called || decided) return;
      called = error === null || error === undefined ? { value: result } : { error };
      if (at_once || !context.callbackWaitsForEmptyEventLoop) setImmediateNow(() => settle(called));
    };
    // Nothing is left that could answer.
    const empty = () => setImmediateNow(() => settle(called ?? { value: null }));
    process.on("beforeExit", empty);
    context = contextOf(headers, finish);
    let returned;
    try {
      returned = handler(event, context, finish);
    } catch (error) {
      return settle({ error });
    }
    if (returned && typeof returned.then === "function") {
      returned.then((value) => settle({ value }), (error) => settle({ error: error ?? null }));
    } else if (returned !== undefined && handler.length < 3 && called === null && nodeMajor >= 24) {
      settle({ value: returned });
    }
  });
}

async function reportFailure(id, error) {
  const described = describe(error);
  logError("Invoke Error", error instanceof Error ? { ...described, ...ownFields(error), stack: described.trace } : described);
  current = null;
  await post(`invocation/${id}/error`, stringify(described), errorHeaders(described));
}

function ownFields(error) {
  const fields = {};
  for (const key of Object.keys(error)) if (key !== "stack") fields[key] = error[key];
  try {
    stringify(fields);
    return fields;
  } catch {
    return {};
  }
}

async function answer(id, handler, event, headers) {
  if (isStreaming(handler)) {
    const stream = new ResponseStream({ host, port, agent, userAgent, id });
    try {
      await handler(event, stream, contextOf(headers, () => {}));
      await stream.finished();
      current = null;
    } catch (error) {
      if (stream.begun) {
        const described = describe(error);
        logError("Invoke Error", described);
        current = null;
        await stream.fail(described);
      } else {
        await reportFailure(id, error);
      }
    }
    return;
  }
  const outcome = await run(handler, event, headers);
  if ("error" in outcome) return reportFailure(id, outcome.error);
  let text;
  try {
    text = stringify(outcome.value === undefined ? null : outcome.value) ?? "null";
  } catch (error) {
    // Cyclic structures, BigInt, and a toJSON that throws.
    return reportFailure(id, Object.assign(new Error("Unable to stringify response body"),
      { name: "Runtime.MarshalError", cause: error }));
  }
  current = null;
  const told = await post(`invocation/${id}/response`, text);
  if (told.status === 413) return; // It has been reported by the platform.
}

async function main() {
  installStreaming();
  installLogging();
  let handler;
  try {
    handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER, nodeMajor);
  } catch (error) {
    const described = describe(error);
    logError("Uncaught Exception", described);
    await post("init/error", stringify(described), errorHeaders(described));
    return exit(1);
  }
  for (;;) {
    const next = await request("GET", "invocation/next", {});
    if (next.status !== 200) return exit(1);
    const id = next.headers["lambda-runtime-aws-request-id"];
    const trace = next.headers["lambda-runtime-trace-id"];
    if (trace) process.env._X_AMZN_TRACE_ID = trace;
    else delete process.env._X_AMZN_TRACE_ID;
    current = id;
    beginInvocation(id);
    await answer(id, handler, parse(next.body), next.headers);
  }
}

main().catch((error) => {
  logError("Runtime Error", describe(error));
  exit(1);
});
