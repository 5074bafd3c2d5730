"""The Python runtime: asks the Lambda Runtime API for work, runs the handler, reports what came of it."""

import importlib
import json
import logging
import os
import socket
import struct
import sys
import time
import traceback

# Kept before any code of the function's can replace them.
_exit = os._exit
_write = os.write
_dumps, _loads = json.dumps, json.loads
_time = time.time
_monotonic, _sleep = time.monotonic, time.sleep
_host = os.environ["AWS_LAMBDA_RUNTIME_API"]
_user_agent = "moonbase-python/" + sys.version.split()[0]
_json_logs = os.environ.get("AWS_LAMBDA_LOG_FORMAT") == "JSON"
_log_level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO").upper()
_log_descriptor = int(os.environ.pop("_LAMBDA_TELEMETRY_LOG_FD"))
_frame_magic = 0xA55A0003
_moment = "%Y-%m-%dT%H:%M:%SZ"
_event_bytes_max = 256 * 1024


class _Api:
    """The connection to the Runtime API: the one that the platform handed down, or one of its own where a wrapper has
    closed that. http.client would be half of a cold start, and the other end is ours."""

    def __init__(self, inherited):
        self._socket = self._from(inherited)

    @staticmethod
    def _from(inherited):
        try:
            return socket.socket(fileno=int(inherited)) if inherited else None
        except OSError:
            return None

    def request(self, method, path, body=b"", headers=None):
        lines = [f"{method} /2018-06-01/runtime/{path} HTTP/1.1", f"Host: {_host}", f"User-Agent: {_user_agent}",
                 f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        message = "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + body
        try:
            return self._send(message)
        except ConnectionError:  # It was closed meanwhile.
            self._socket = None
            return self._send(message)

    def next(self):
        return self.request("GET", "invocation/next")

    def post_and_next(self, path, body, headers):
        """An answer, and the next invocation in one round trip."""
        answer = self.request("POST", path, body, {"Moonbase-Runtime-Next": "true", **headers})
        # What was not taken has been reported by the platform.
        return answer if "lambda-runtime-aws-request-id" in answer[1] or answer[0] == 410 else self.next()

    def _send(self, message):
        if self._socket is None:
            host, port = _host.rsplit(":", 1)
            self._socket = socket.create_connection((host, int(port)))
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(message)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        first, *lines = received[:end].split(b"\r\n")
        headers = _Headers()
        for line in lines:
            name, _, value = line.partition(b": ")
            headers[name.decode("latin-1").lower()] = value.decode("utf-8", "replace")
        body = received[end + 4:]
        length = int(headers.get("content-length", "0"))
        if len(body) < length:
            parts, missing = [body], length - len(body)
            while missing > 0:
                parts.append(self._receive())
                missing -= len(parts[-1])
            body = b"".join(parts)
        if headers.get("connection", "").lower() == "close":
            self._socket.close()
            self._socket = None
        return int(first[9:12]), headers, body

    def _receive(self):
        part = self._socket.recv(256 * 1024)
        if not part:
            raise ConnectionResetError("the Runtime API closed the connection")
        return part


class _Headers(dict):
    """Names regardless of case."""

    def __getitem__(self, name):
        return super().__getitem__(name.lower())

    def get(self, name, otherwise=None):
        return super().get(name.lower(), otherwise)


class Fault(Exception):
    """What the runtime itself finds wrong, under Lambda's name for it."""

    def __init__(self, error_type, message, trace=()):
        super().__init__(message)
        self.described = {"errorMessage": message, "errorType": error_type, "requestId": "",
                          "stackTrace": list(trace)}


# Log events: one frame each, however many lines it has.
def _log_event(text):
    body = text.encode("utf-8", "replace")[:_event_bytes_max]
    frame = struct.pack(">IIq", _frame_magic, len(body), int(_time() * 1_000_000)) + body
    while frame:
        frame = frame[_write(_log_descriptor, frame):]


class _RequestFilter(logging.Filter):
    def filter(self, record):
        record.aws_request_id = _state.request_id
        return True


class _TextFormatter(logging.Formatter):
    converter = time.gmtime


_plain_fields = set(vars(logging.makeLogRecord({}))) | {"aws_request_id", "message", "asctime"}


class _JsonFormatter(logging.Formatter):
    def format(self, record):
        line = {"timestamp": time.strftime(_moment, time.gmtime(record.created)), "level": record.levelname,
                "message": record.getMessage(), "logger": record.name}
        if record.exc_info and record.exc_info[0]:
            line["errorType"] = record.exc_info[0].__name__
            line["errorMessage"] = str(record.exc_info[1])
            line["stackTrace"] = traceback.format_tb(record.exc_info[2])
            line["location"] = f"{record.pathname}:{record.funcName}:{record.lineno}"
        for name, value in vars(record).items():
            if name not in _plain_fields:
                line[name] = value
        line["requestId"] = _state.request_id
        return _dumps({key: value for key, value in line.items() if value is not None}, default=str)


class _EventHandler(logging.Handler):
    def emit(self, record):
        try:
            _log_event(self.format(record))
        except Exception:  # As every logging handler: a record that cannot be written ends nobody.
            self.handleError(record)


class _State:
    request_id = ""


_state = _State()


def _install_logging():
    handler = _EventHandler()
    handler.addFilter(_RequestFilter())
    if _json_logs:
        handler.setFormatter(_JsonFormatter())
    else:
        handler.setFormatter(_TextFormatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"))
    root = logging.getLogger()
    root.addHandler(handler)
    if _json_logs:
        names = {"TRACE": logging.DEBUG, "FATAL": logging.CRITICAL, "WARN": logging.WARNING}
        root.setLevel(names.get(_log_level, getattr(logging, _log_level, logging.INFO)))


def _log_error(described):
    if _json_logs:
        _log_event(_dumps({"timestamp": time.strftime(_moment, time.gmtime()), "log_level": "ERROR", **described}))
        return
    text = f"[ERROR] {described['errorType']}: {described['errorMessage']}"
    if described["stackTrace"]:
        text += "\nTraceback (most recent call last):\n" + "".join(
            line if line.endswith("\n") else line + "\n" for line in described["stackTrace"])
    _log_event(text)


def _trace_of(error):
    """The frames of the function's own code, as traceback formats them."""
    frames = traceback.extract_tb(error.__traceback__)
    while frames and frames[0].filename == __file__:
        frames.pop(0)
    return ["".join(traceback.format_list([frame])) for frame in frames]


def _describe(error):
    if isinstance(error, Fault):
        return {**error.described, "requestId": _state.request_id}
    return {"errorMessage": str(error), "errorType": type(error).__name__, "requestId": _state.request_id,
            "stackTrace": _trace_of(error)}


def _failure(path, described):
    """What is posted: path, body, headers."""
    error_type = "".join(each if " " <= each <= "~" else "?" for each in described["errorType"])[:200]
    return (path, _dumps(described).encode("utf-8", "surrogatepass"),
            {"Content-Type": "application/json", "Lambda-Runtime-Function-Error-Type": error_type})


def _load_handler(text):
    try:
        module_name, function_name = text.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName",
                    f"Bad handler '{text}': not enough values to unpack (expected 2, got 1)") from error
    try:
        # "folder/file.name" is a file in a package.
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        where = f"  File \"{error.filename}\" Line {error.lineno}\n    {error.text}"
        raise Fault("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}",
                    [where]) from error
    handler = getattr(module, function_name, None)
    if handler is None:
        raise Fault("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'")
    return handler


class CognitoIdentity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, fields):
        self.cognito_identity_id = fields.get("cognitoIdentityId")
        self.cognito_identity_pool_id = fields.get("cognitoIdentityPoolId")


class Client:
    __slots__ = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")

    def __init__(self, fields):
        for name in self.__slots__:
            setattr(self, name, fields.get(name))


class ClientContext:
    __slots__ = ("custom", "env", "client")

    def __init__(self, fields):
        self.custom = fields.get("custom")
        self.env = fields.get("env")
        self.client = Client(fields["client"]) if isinstance(fields.get("client"), dict) else None


class LambdaContext:
    def __init__(self, headers):
        self._deadline_ms = int(headers["Lambda-Runtime-Deadline-Ms"])
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name = os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION")
        client_context = headers.get("Lambda-Runtime-Client-Context")
        self.client_context = ClientContext(_loads(client_context)) if client_context else None
        self.identity = CognitoIdentity(_loads(headers.get("Lambda-Runtime-Cognito-Identity") or "{}"))
        self.tenant_id = None

    def get_remaining_time_in_millis(self):
        return max(self._deadline_ms - int(_time() * 1000), 0)

    def log(self, text):
        sys.stdout.write(str(text))


def _encode_more(value):
    decimal = sys.modules.get("decimal")  # Loaded where there are any.
    if decimal and isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(f"Object of type {value.__class__.__name__} is not JSON serializable")


def _answer(handler, headers, body):
    """Runs the handler. What is to be posted: path, body, headers."""
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    path = f"invocation/{request_id}/"
    try:
        try:
            event = _loads(body)
        except ValueError as error:
            raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from error
        value = handler(event, LambdaContext(headers))
        try:
            text = _dumps(value, ensure_ascii=False, default=_encode_more).encode("utf-8")
        except Exception as error:
            raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
    except Exception as error:
        described = _describe(error)
        _log_error(described)
        sys.stdout.flush()
        sys.stderr.flush()
        return _failure(path + "error", described)
    except SystemExit as error:
        described = _describe(error)
        described["errorType"] = "Runtime.ExitError"
        _log_error(described)
        sys.stdout.flush()
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        _exit(code)
    sys.stdout.flush()
    sys.stderr.flush()
    return path + "response", text, {"Content-Type": "application/json"}


def _hooks(name):
    """The function's hooks around its snapshot, whichever module it has registered them with."""
    module = sys.modules.get("snapshot_restore_py")
    return list(getattr(module, name)()) if module else []


def _run_hooks(api, hooks, error_type, path):
    try:
        for hook, arguments, named in hooks:
            hook(*arguments, **named)
    except BaseException as error:
        described = {**_describe(error), "errorType": error_type}
        _log_error(described)
        sys.stdout.flush()
        api.request("POST", *_failure(path, described))
        _exit(1)


def _restore(api):
    """SnapStart: what runs before the snapshot, and, once this environment is restored, after it."""
    _run_hooks(api, reversed(_hooks("get_before_snapshot")), "Runtime.BeforeSnapshotError", "init/error")
    status, _, _ = api.request("GET", "restore/next")
    if status != 200:
        _exit(1)
    _run_hooks(api, _hooks("get_after_restore"), "Runtime.AfterRestoreError", "restore/error")


def main():
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
    _install_logging()
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    layers = os.environ.pop("_MOONBASE_LAYERS", "/opt")  # Where they are on a host without mount namespaces.
    sys.path[0:0] = [os.environ["LAMBDA_TASK_ROOT"], f"{layers}/python/lib/{version}/site-packages", f"{layers}/python"]
    sys.dont_write_bytecode = True
    api = _Api(os.environ.pop("_MOONBASE_RUNTIME_FD", ""))
    try:
        handler = _load_handler(os.environ["_HANDLER"])
    except BaseException as error:  # Also a module that calls sys.exit.
        described = _describe(error)
        _log_error(described)
        api.request("POST", *_failure("init/error", described))
        _exit(1)
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        _restore(api)
    status, headers, body = api.next()
    while status == 200:
        _state.request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        trace = headers.get("Lambda-Runtime-Trace-Id")
        if trace:
            os.environ["_X_AMZN_TRACE_ID"] = trace
        else:
            os.environ.pop("_X_AMZN_TRACE_ID", None)
        begun = _monotonic()
        path, text, more = _answer(handler, headers, body)
        more["Moonbase-Runtime-Handler-Us"] = round((_monotonic() - begun) * 1e6)
        status, headers, body = api.post_and_next(path, text, more)
    while status == 410:  # The environment ends: SIGTERM may be on its way, for handlers of the function's.
        _sleep(0.02)  # signal.pause() would miss one that came just before it.
    _exit(1)


main()
