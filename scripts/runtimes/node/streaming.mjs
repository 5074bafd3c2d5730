// awslambda.streamifyResponse and HttpResponseStream: answers that leave while they are made.
import { Writable } from "node:stream";

const streaming = Symbol.for("aws.lambda.runtime.handler.streaming");
const { stringify } = JSON;

export function isStreaming(handler) {
  return handler[streaming] === "response";
}

// The response body of one invocation. The request begins with the first byte.
export class ResponseStream extends Writable {
  #api;
  #id;
  #sent = null;
  #answered;
  #contentType = "application/octet-stream";

  constructor(api, id) {
    super({ highWaterMark: 64 * 1024 });
    this.#api = api;
    this.#id = id;
  }

  get begun() {
    return this.#sent !== null;
  }

  setContentType(type) {
    this.#contentType = type;
  }

  _write(part, encoding, done) {
    this.#begin().write(part, encoding, done);
  }

  _final(done) {
    this.#begin().end(done);
  }

  #begin() {
    if (this.#sent) return this.#sent;
    const { http, host, port, agent, prefix, userAgent } = this.#api;
    this.#sent = http.request({ host, port, method: "POST", agent, path: `${prefix}invocation/${this.#id}/response`,
      headers: { "User-Agent": userAgent, "Content-Type": this.#contentType, "Transfer-Encoding": "chunked",
        "Lambda-Runtime-Function-Response-Mode": "streaming",
        "Trailer": "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body" } });
    this.#answered = new Promise((resolve) => {
      this.#sent.on("response", (response) => {
        response.resume();
        response.on("end", resolve);
      });
      this.#sent.on("error", resolve);
    });
    return this.#sent;
  }

  // Until the platform has all of it. A handler that returns without ending its stream has ended it.
  async finished() {
    if (!this.writableEnded) this.end();
    if (!this.writableFinished) await new Promise((resolve) => this.once("close", resolve));
    await this.#answered;
  }

  // Too late for another answer: the trailer says what happened.
  async fail(described) {
    this.#sent.addTrailers({ "Lambda-Runtime-Function-Error-Type": described.errorType,
      "Lambda-Runtime-Function-Error-Body": Buffer.from(stringify(described)).toString("base64") });
    this.#sent.end();
    await this.#answered;
  }
}

export function installStreaming() {
  const awslambda = globalThis.awslambda ?? {};
  awslambda.streamifyResponse = (handler, options) => {
    handler[streaming] = "response";
    if (typeof options?.highWaterMark === "number")
      handler[Symbol.for("aws.lambda.runtime.handler.streaming.highWaterMark")] = options.highWaterMark;
    return handler;
  };
  awslambda.HttpResponseStream = class {
    // Status and headers as a prelude before the body.
    static from(stream, prelude) {
      stream.setContentType("application/vnd.awslambda.http-integration-response");
      stream.write(stringify(prelude));
      stream.write(Buffer.alloc(8));
      return stream;
    }
  };
  globalThis.awslambda = awslambda;
}
