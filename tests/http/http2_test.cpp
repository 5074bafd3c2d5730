// HTTP/2 in clear with prior knowledge, with nghttp2's client side.
#include <nghttp2/nghttp2.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <moonbase/signal.hpp>
#include <thread>

#include "door.hpp"
#include "tests_tools.hpp"

using namespace std::chrono_literals;

namespace {

struct Reply {
  int status = 0;
  std::map<std::string, std::string> headers;
  std::string body;
  bool ended = false;
  std::uint32_t error = 0;
};

class Http2Client {
 public:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  // With a window of its own, it never opens it again.
  explicit Http2Client(const Door& door, std::int32_t window = 0) : client_(door) {
    nghttp2_session_callbacks* callbacks = nullptr;
    REQUIRE(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_http_messaging(option, 1);  // So that it can misbehave.
    nghttp2_option_set_peer_max_concurrent_streams(option, 10'000);
    if (window > 0) nghttp2_option_set_no_auto_window_update(option, 1);
    REQUIRE(nghttp2_session_client_new2(&session_, callbacks, this, option) == 0);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(window)};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &entry, window > 0 ? 1 : 0);
  }
  ~Http2Client() { nghttp2_session_del(session_); }

  std::int32_t submit(const std::string& method, const std::string& path, const Headers& more = {},
                      std::optional<std::string> body = {}) {
    Headers all = {{":method", method}, {":scheme", "http"}, {":authority", "localhost:80"}, {":path", path}};
    all.insert(all.end(), more.begin(), more.end());
    return submit_raw(all, std::move(body));
  }

  std::int32_t submit_raw(const Headers& all, std::optional<std::string> body = {}) {
    std::vector<nghttp2_nv> fields;
    for (const auto& [name, value] : all) {
      fields.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                        reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())), name.size(), value.size(),
                        NGHTTP2_NV_FLAG_NONE});
    }
    nghttp2_data_provider provider{};
    if (body) {
      bodies_.push_back(std::make_unique<Body>(Body{std::move(*body), 0}));
      provider.source.ptr = bodies_.back().get();
      provider.read_callback = read_body;
    }
    return nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(), body ? &provider : nullptr, nullptr);
  }

  void reset(std::int32_t id) { nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL); }

  void flush() {
    const std::uint8_t* bytes = nullptr;
    ssize_t count = 0;
    while ((count = nghttp2_session_mem_send(session_, &bytes)) > 0) {
      client_.send({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count)});
    }
  }

  // False at the connection's end.
  bool turn() {
    flush();
    const auto some = client_.read_some();
    if (some.empty()) return false;
    REQUIRE(nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(some.data()), some.size()) >= 0);
    return true;
  }

  Reply& wait(std::int32_t id) {
    while (!replies[id].ended && turn()) {
    }
    return replies[id];
  }

  std::map<std::int32_t, Reply> replies;
  std::optional<std::uint32_t> goaway;

 private:
  struct Body {
    std::string text;
    std::size_t at;
  };

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name, std::size_t name_bytes,
                       const std::uint8_t* value, std::size_t value_bytes, std::uint8_t, void* user) {
    auto& reply = static_cast<Http2Client*>(user)->replies[frame->hd.stream_id];
    const std::string key(reinterpret_cast<const char*>(name), name_bytes);
    const std::string text(reinterpret_cast<const char*>(value), value_bytes);
    if (key == ":status") reply.status = std::stoi(text);
    reply.headers[key] = text;
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data, std::size_t bytes,
                     void* user) {
    static_cast<Http2Client*>(user)->replies[id].body.append(reinterpret_cast<const char*>(data), bytes);
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t error, void* user) {
    auto& reply = static_cast<Http2Client*>(user)->replies[id];
    reply.ended = true;
    reply.error = error;
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) static_cast<Http2Client*>(user)->goaway = frame->goaway.error_code;
    return 0;
  }
  static ssize_t read_body(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t bytes_max,
                           std::uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& body = *static_cast<Body*>(source->ptr);
    const auto count = std::min(bytes_max, body.text.size() - body.at);
    std::memcpy(into, body.text.data() + body.at, count);
    body.at += count;
    if (body.at == body.text.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(count);
  }

  Client client_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Body>> bodies_;
};

}  // namespace

TEST_CASE("HTTP/2 requests are answered on the same port, many at a time") {
  Door door;
  Http2Client client(door);
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 100; ++i) ids.push_back(client.submit("GET", "/" + std::to_string(i) + "?a=b"));
  for (int i = 0; i < 100; ++i) {
    const auto& reply = client.wait(ids[static_cast<std::size_t>(i)]);
    CHECK(reply.status == 200);
    CHECK(reply.body == "GET /" + std::to_string(i) + "?a=b");
    CHECK(reply.headers.at("date") == "Sat, 21 Nov 2026 10:00:00 GMT");
    CHECK(reply.headers.at("content-length") == std::to_string(reply.body.size()));
  }
}

TEST_CASE("HTTP/2 bodies go both ways, longer than any window") {
  Door door;
  Http2Client client(door);
  const std::string body(1024 * 1024, 'b');
  const auto echoed = client.submit("POST", "/echo", {}, body);
  CHECK(client.wait(echoed).body == body);
  const auto empty = client.submit("POST", "/echo", {}, "");
  CHECK(client.wait(empty).body.empty());
  CHECK(client.wait(empty).status == 200);
  const auto long_one = client.submit("POST", "/echo", {}, body + "c");
  CHECK(client.wait(long_one).status == 413);
  const auto streamed = client.submit("GET", "/stream?20000000");
  CHECK(client.wait(streamed).body.size() == 20'000'000);
  const auto sized = client.submit("GET", "/sized?3000000");
  CHECK(client.wait(sized).headers.at("content-length") == "3000000");
  CHECK(client.wait(sized).body.size() == 3'000'000);
}

TEST_CASE("HTTP/2: an answer before the body was read ends the stream, not the connection") {
  Door door;
  Http2Client client(door);
  const auto ignored = client.submit("POST", "/ignore", {}, std::string(10'000'000, 'b'));
  CHECK(client.wait(ignored).status == 200);
  const auto next = client.submit("GET", "/next");
  CHECK(client.wait(next).body == "GET /next");
}

TEST_CASE("HTTP/2: HEAD, 204 and failures") {
  Door door(test_limits(), [](moonbase::HttpRequest& request, moonbase::HttpResponse& response) {
    if (request.path == "/throw") throw std::runtime_error("a bug");
    if (request.path == "/204") response.status = 204;
    if (request.path == "/split") response.headers.add("a", "b\r\nc: d");
    if (request.path == "/cookies") response.headers.add("X-Cookies", std::string(request.headers.get("cookie")));
    if (request.path == "/half") {
      response.stream = [](moonbase::BodyWriter& writer) {
        writer.write("half");
        throw std::runtime_error("half way");
      };
    }
    response.headers.add("Connection", "close");
    response.body = "body";
  });
  Http2Client client(door);
  const auto head = client.submit("HEAD", "/");
  CHECK(client.wait(head).headers.at("content-length") == "4");
  CHECK(client.wait(head).body.empty());
  CHECK(client.wait(head).headers.count("connection") == 0);
  const auto none = client.submit("GET", "/204");
  CHECK(client.wait(none).status == 204);
  CHECK(client.wait(none).body.empty());
  CHECK(client.wait(client.submit("GET", "/throw")).status == 500);
  CHECK(client.wait(client.submit("GET", "/split")).status == 500);
  CHECK(client.wait(client.submit("GET", "/half")).error == NGHTTP2_INTERNAL_ERROR);
  const auto cookies = client.submit("GET", "/cookies", {{"cookie", "a=1"}, {"cookie", "b=2"}});
  CHECK(client.wait(cookies).headers.at("x-cookies") == "a=1; b=2");
}

TEST_CASE("HTTP/2: malformed requests never reach the handler") {
  Door door;
  const std::vector<Http2Client::Headers> malformed = {
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}},  // No path.
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}, {"te", "gzip"}},
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}, {"connection", "close"}},
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}, {"transfer-encoding", "chunked"}},
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}, {"a", "b\r\nc: d"}},
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}, {"content-length", "5"}},
      {{":method", "GET"}, {":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}},
      {{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}, {":late", "a"}},
  };
  for (const auto& headers : malformed) {
    CAPTURE(headers.size(), headers.back().first);
    Http2Client client(door);
    const auto& reply = client.wait(client.submit_raw(headers));
    CHECK((reply.status == 400 || reply.error == NGHTTP2_PROTOCOL_ERROR));
  }
  Http2Client client(door);
  CHECK(client.wait(client.submit("GET", "no-slash")).status == 0);
  CHECK(client.wait(client.submit("CONNECT", "/")).status != 200);
  const auto bad_host =
      client.submit_raw({{":method", "GET"}, {":scheme", "http"}, {":authority", "a/b"}, {":path", "/"}});
  CHECK(client.wait(bad_host).status != 200);
  const auto two_hosts = client.submit("GET", "/", {{"host", "other"}});
  CHECK(client.wait(two_hosts).status == 400);
  CHECK(door.seen().empty());
}

TEST_CASE("HTTP/2: limits on heads hold") {
  Door door;
  Http2Client client(door);
  CHECK(client.wait(client.submit("GET", "/", {{"a", std::string(7'000, 'a')}})).status == 200);
  CHECK(client.wait(client.submit("GET", "/", {{"a", std::string(9'000, 'a')}})).status == 431);
  CHECK(client.wait(client.submit("GET", "/" + std::string(5'000, 'a'))).status == 414);
  Http2Client::Headers many;
  for (int i = 0; i < 30; ++i) many.emplace_back("x-" + std::to_string(i), "y");
  CHECK(client.wait(client.submit("GET", "/", many)).status == 431);
}

TEST_CASE("HTTP/2: a client that resets streams rapidly is sent away") {
  auto limits = test_limits();
  limits.stream_resets_max = 50;
  Door door(limits);
  Http2Client client(door);
  for (int i = 0; i < 500 && !client.goaway; ++i) {
    const auto id = client.submit("GET", "/" + std::to_string(i));
    client.flush();
    client.reset(id);
    client.flush();
  }
  while (!client.goaway && client.turn()) {
  }
  REQUIRE(client.goaway);
  CHECK(*client.goaway == NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_CASE("HTTP/2: handlers of streams that were reset still count") {
  moonbase::Signal release;
  std::atomic<int> running{0}, most{0};
  auto limits = test_limits();
  limits.streams_max = 10;
  limits.stream_resets_max = 100'000;
  Door door(limits, [&](moonbase::HttpRequest&, moonbase::HttpResponse&) {
    const int now = ++running;
    int seen = most;
    while (seen < now && !most.compare_exchange_weak(seen, now)) {
    }
    release.wait(0, moonbase::Time{INT64_MAX});
    --running;
  });
  {
    Http2Client client(door);
    for (int i = 0; i < 20; ++i) {
      const auto id = client.submit("GET", "/");
      client.flush();
      while (running <= i) std::this_thread::yield();
      client.reset(id);
      client.flush();
    }
    const auto ping = client.submit("GET", "/refused");
    CHECK(client.wait(ping).error == NGHTTP2_INTERNAL_ERROR);
  }
  release.notify();
  while (door.server->connections() > 0) std::this_thread::yield();
  CHECK(most <= 20);
  CHECK(running == 0);
}

TEST_CASE("HTTP/2: a client that takes nothing of its answer is cut off") {
  auto limits = test_limits();
  limits.write_timeout = 50ms;
  Door door(limits);
  Http2Client client(door, 1);
  const auto id = client.submit("GET", "/sized?1000000");
  auto& reply = client.wait(id);
  CHECK(reply.ended);
  CHECK(reply.body.size() < 1'000'000);
}

TEST_CASE("HTTP/2: draining finishes streams and says goodbye") {
  std::promise<void> begun, go_on;
  auto may_go_on = go_on.get_future().share();
  Door* door_pointer = nullptr;
  Door door(test_limits(), [&](moonbase::HttpRequest&, moonbase::HttpResponse& response) {
    begun.set_value();
    door_pointer->loops->io().blocking([&] { may_go_on.wait(); });
    response.body = "done";
  });
  door_pointer = &door;
  Http2Client client(door);
  const auto id = client.submit("GET", "/");
  client.flush();
  begun.get_future().wait();
  CHECK_FALSE(door.server->drain(std::chrono::steady_clock::now()));
  while (!client.goaway && client.turn()) {
  }
  CHECK(client.goaway == NGHTTP2_NO_ERROR);
  go_on.set_value();
  CHECK(client.wait(id).body == "done");
  CHECK(door.server->drain(std::chrono::steady_clock::now() + 60s));
}

TEST_CASE("what is not HTTP/2 after its preface is sent away") {
  Door door;
  Client client(door);
  client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto answer = client.read_to_end();
  CHECK(answer.find("HTTP/1.1") == std::string::npos);
  CHECK(door.seen().empty());
  Client slow(door);
  for (const char c : std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")) slow.send(std::string(1, c));
  CHECK(slow.read(9).size() == 9);  // A SETTINGS frame.
}
