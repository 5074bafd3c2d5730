#include "http/client.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <moonbase/io.hpp>
#include <stdexcept>

#include "http/characters.hpp"
#include "http/connection.hpp"
#include "http/response.hpp"
#include "http/response_head.hpp"
#include "http/tls.hpp"
#include "loop/loop.hpp"

namespace moonbase::http {
namespace {

constexpr int interim_responses_max = 10;

struct Url {
  bool tls = false;
  std::string authority;  // As Host says it.
  std::string host, port;
  std::string target;
};

Error failed(const char* code, std::string message) { return {.code = code, .message = std::move(message)}; }

Result<Url> parse_url(std::string_view text) {
  const auto bad = [&] {
    return failed("InvalidUrl", "Not an http or https address: " + std::string(text.substr(0, 256)));
  };
  Url url;
  auto rest = text;
  if (rest.starts_with("https://")) {
    url.tls = true;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return bad();
  }
  rest = rest.substr(0, rest.find('#'));
  const auto authority = rest.substr(0, rest.find_first_of("/?"));
  rest.remove_prefix(authority.size());
  if (!is_host(authority) || !all_are(rest, target_character)) return bad();
  url.authority = authority;
  const auto port_at = authority.find(':', authority.starts_with('[') ? authority.find(']') : 0);
  url.host = authority.substr(0, port_at);
  if (url.host.starts_with('[')) url.host = url.host.substr(1, url.host.size() - 2);
  url.port = port_at == std::string_view::npos ? std::string() : std::string(authority.substr(port_at + 1));
  if (url.port.empty()) url.port = url.tls ? "443" : "80";
  url.target = (rest.starts_with('/') ? "" : "/") + std::string(rest);
  return url;
}

struct Addresses {
  addrinfo* first = nullptr;
  ~Addresses() {
    if (first) ::freeaddrinfo(first);
  }
};

// Closes with what remembers it.
struct Socket {
  loop::Loop& loop;
  int descriptor = -1;
  ~Socket() { close(); }
  void close() {
    if (descriptor < 0) return;
    ::close(descriptor);
    loop.closed(descriptor);
    descriptor = -1;
  }
};

// Connected to the first address that may be connected to and answers.
Result<Done> connect(Socket& socket, const addrinfo* addresses, const Url& url, const OutboundPolicy& policy,
                     MachineTime deadline) {
  Error error = failed("AddressNotAllowed", "Requests to " + url.host +
                                                " are not allowed: its address is private. Allow it by name if it is "
                                                "meant.");
  for (const auto* address = addresses; address; address = address->ai_next) {
    // The very address that was checked is connected to: nothing is resolved twice.
    if (!may_connect(policy, url.host, *address->ai_addr)) continue;
    socket.close();
    socket.descriptor = ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (socket.descriptor < 0) return failed("ConnectionFailed", std::strerror(errno));
    int reason = ::connect(socket.descriptor, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
    if (reason == EINPROGRESS) {
      if (!socket.loop.wait_writable(socket.descriptor, deadline)) {
        return failed("Timeout", url.authority + " did not accept the connection in time.");
      }
      socklen_t bytes = sizeof reason;
      ::getsockopt(socket.descriptor, SOL_SOCKET, SO_ERROR, &reason, &bytes);
    }
    if (reason == 0) return done;
    error = failed("ConnectionFailed", "Cannot connect to " + url.authority + ": " + std::strerror(reason) + ".");
  }
  return error;
}

Result<std::string> serialize(const ClientRequest& request, const Url& url) {
  if (request.method.empty() || !all_are(request.method, token_character) || request.method == "CONNECT") {
    return failed("InvalidHeader", "Not a method: " + request.method.substr(0, 64));
  }
  std::string out = request.method + " " + url.target + " HTTP/1.1\r\nHost: " + url.authority + "\r\n";
  for (const auto& [name, value] : request.headers) {
    // Whoever can put a line end into a header could write a second request.
    if (name.empty() || !all_are(name, token_character) || !all_are(value, value_character)) {
      return failed("InvalidHeader", "Not a header: " + name.substr(0, 64));
    }
    if (is_framing_header(name) || equals_ignoring_case(name, "host") || equals_ignoring_case(name, "expect") ||
        equals_ignoring_case(name, "te")) {
      continue;
    }
    out += name + ": " + value + "\r\n";
  }
  const bool may_have_none = request.method == "GET" || request.method == "HEAD" || request.method == "DELETE";
  if (!request.body.empty() || !may_have_none) out += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  out += "Connection: close\r\n\r\n";
  return out;
}

// The exchange on an open connection.
class Exchange {
 public:
  Exchange(LoopState& state, Transport& transport, const ClientLimits& limits, MachineTime deadline)
      : input_(state), transport_(transport), limits_(limits), deadline_(deadline) {}

  Result<HttpResponse> run(std::string_view head, const ClientRequest& request) {
    // A server may answer, and close, before it has taken everything: its answer counts.
    const bool sent = transport_.write(head, request.body);
    HttpResponse response;
    Framing framing;
    int interim = 0;
    do {
      response = HttpResponse{};
      framing = Framing{};
      if (auto read = read_head(response, framing); !read) {
        if (!sent) return failed("ConnectionFailed", "The connection broke while the request was sent.");
        return std::move(read).error();
      }
      if (++interim > interim_responses_max) return invalid("too many interim responses");
    } while (response.status < 200 && response.status != 101);
    if (response.status == 101) return invalid("it switches protocols unasked");
    const bool none = request.method == "HEAD" || !may_have_body(response.status);
    if (none) return response;
    auto read = framing.chunked ? read_chunks(response.body) : read_plain(response.body, framing.content_length);
    if (!read) return std::move(read).error();
    return response;
  }

 private:
  static Error invalid(const char* reason) {
    return failed("InvalidResponse", std::string("The server's response is malformed: ") + reason + ".");
  }
  Error too_large() const {
    return failed("ResponseTooLarge",
                  "The response is longer than " + std::to_string(limits_.body_bytes_max) + " bytes.");
  }

  // False at the end of the connection.
  Result<bool> fill() {
    const auto count = input_.fill(transport_, limits_.head_bytes_max, deadline_);
    if (count == Transport::timeout) return failed("Timeout", "The server did not answer in time.");
    if (count == Transport::broken) return failed("ConnectionFailed", "The connection broke.");
    return count > 0;
  }

  Result<Done> read_head(HttpResponse& response, Framing& framing) {
    while (true) {
      if (!input_.empty()) {
        response.headers = {};
        framing = Framing{};
        const auto head =
            parse_response_head(input_.bytes(), limits_.head_bytes_max, limits_.headers_max, response, framing);
        if (head.state == HeadResult::State::refused) return invalid(head.reason);
        if (head.state == HeadResult::State::complete) {
          input_.consume(head.bytes);
          return done;
        }
      }
      auto more = fill();
      if (!more) return std::move(more).error();
      if (!*more) return invalid("it ends early");
    }
  }

  Result<Done> read_plain(std::string& body, std::optional<std::uint64_t> length) {
    if (length && *length > limits_.body_bytes_max) return too_large();
    while (!length || body.size() < *length) {
      if (input_.empty()) {
        auto more = fill();
        if (!more) return std::move(more).error();
        if (!*more) break;
      }
      auto bytes = input_.bytes();
      if (length) bytes = bytes.substr(0, static_cast<std::size_t>(*length) - body.size());
      if (bytes.size() > limits_.body_bytes_max - body.size()) return too_large();
      body += bytes;
      input_.consume(bytes.size());
    }
    if (length && body.size() < *length) return invalid("its body ends early");
    return done;
  }

  Result<Done> read_chunks(std::string& body) {
    ChunkedDecoder decoder;
    while (true) {
      std::size_t used = 0;
      std::string_view data;
      const auto step = decoder.next(input_.bytes(), used, data);
      if (data.size() > limits_.body_bytes_max - body.size()) return too_large();
      body += data;
      input_.consume(used);
      if (step == ChunkedDecoder::Step::end) return done;
      if (step == ChunkedDecoder::Step::refused) return invalid("its chunks are malformed");
      if (step == ChunkedDecoder::Step::data) continue;
      auto more = fill();
      if (!more) return std::move(more).error();
      if (!*more) return invalid("its body ends early");
    }
  }

  Input input_;
  Transport& transport_;
  const ClientLimits& limits_;
  const MachineTime deadline_;
};

}  // namespace

struct Client::Trust {
  TlsClient tls;
};

Client::Client(Io& io, OutboundPolicy policy, std::string trusted_certificates)
    : io_(io), trusted_certificates_(std::move(trusted_certificates)) {
  set_policy(std::move(policy));
}

Client::~Client() = default;

void Client::set_policy(OutboundPolicy policy) {
  const std::lock_guard lock(mutex_);
  policy_ = std::make_shared<const OutboundPolicy>(std::move(policy));
}

std::shared_ptr<const OutboundPolicy> Client::policy() const {
  const std::lock_guard lock(mutex_);
  return policy_;
}

Client::Trust& Client::trust() {
  const std::lock_guard lock(mutex_);
  if (!trust_) trust_.reset(new Trust{TlsClient(trusted_certificates_)});
  return *trust_;
}

Result<HttpResponse> Client::fetch(const ClientRequest& request, const ClientLimits& limits) {
  auto* loop = loop::Loop::current();
  if (!loop) throw std::logic_error("http::Client is for fibers");
  auto url = parse_url(request.url);
  if (!url) return std::move(url).error();
  auto head = serialize(request, *url);
  if (!head) return std::move(head).error();
  const auto deadline = std::chrono::steady_clock::now() + limits.timeout;

  Addresses addresses;
  int reason = 0;
  io_.blocking([&] {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_NUMERICSERV;
    reason = ::getaddrinfo(url->host.c_str(), url->port.c_str(), &wanted, &addresses.first);
  });
  if (reason != 0) {
    return failed("NameNotResolved", "Cannot find " + url->host + ": " + ::gai_strerror(reason) + ".");
  }
  Socket socket{*loop};
  if (auto connected = connect(socket, addresses.first, *url, *policy(), deadline); !connected) {
    return std::move(connected).error();
  }
  std::unique_ptr<Transport> transport;
  if (url->tls) {
    std::string problem;
    transport = trust().tls.connect(*loop, socket.descriptor, url->host, limits.timeout, problem);
    if (!transport) return failed("CertificateNotTrusted", "No TLS with " + url->authority + ": " + problem + ".");
  } else {
    transport = std::make_unique<PlainTransport>(*loop, socket.descriptor, limits.timeout);
  }
  LoopState state(*loop);
  return Exchange(state, *transport, limits, deadline).run(*head, request);
}

}  // namespace moonbase::http
