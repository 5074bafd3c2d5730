#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "door.hpp"
#include "http/certificate.hpp"

namespace {

struct Folder {
  std::string path;
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "moonbase-tls-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()));
    path = pattern + "/made";  // Not there yet.
  }
  ~Folder() { std::filesystem::remove_all(std::filesystem::path(path).parent_path()); }
};

std::string content(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

struct TlsClient {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL* ssl = nullptr;
  int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

  TlsClient(const Door& door, const std::string& trusted, const std::string& name, bool address = false) {
    REQUIRE(SSL_CTX_load_verify_locations(context, trusted.c_str(), nullptr) == 1);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
    ssl = SSL_new(context);
    if (address) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str());
    } else {
      SSL_set1_host(ssl, name.c_str());
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(door.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0);
    SSL_set_fd(ssl, socket);
  }
  ~TlsClient() {
    SSL_free(ssl);
    SSL_CTX_free(context);
    ::close(socket);
  }

  bool shake() { return SSL_connect(ssl) == 1; }
  std::string ask(std::string_view request) {
    SSL_write(ssl, request.data(), static_cast<int>(request.size()));
    std::string all(1 << 20, '\0');
    std::size_t at = 0;
    int count = 0;
    while ((count = SSL_read(ssl, all.data() + at, static_cast<int>(all.size() - at))) > 0) {
      at += static_cast<std::size_t>(count);
    }
    return all.substr(0, at);
  }
};

}  // namespace

TEST_CASE("TLS is spoken on the same port with a certificate made at first start") {
  Folder folder;
  std::string certificate;
  {
    Door door(test_limits(), {}, folder.path);
    struct stat info {};
    REQUIRE(::stat((folder.path + "/tls.key").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0600);
    certificate = content(folder.path + "/tls.crt");
    for (const auto& [name, address] :
         std::vector<std::pair<std::string, bool>>{{"localhost", false}, {"127.0.0.1", true}, {"::1", true}}) {
      CAPTURE(name);
      TlsClient client(door, folder.path + "/tls.crt", name, address);
      REQUIRE(client.shake());
      const auto answer = client.ask("GET /secret HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
      CHECK(answer.starts_with("HTTP/1.1 200 OK\r\n"));
      CHECK(answer.ends_with("GET /secret"));
    }
    TlsClient wrong_name(door, folder.path + "/tls.crt", "example.com");
    CHECK_FALSE(wrong_name.shake());
    CHECK(ask(door, "GET /clear HTTP/1.1\r\nHost: x\r\n\r\n").body == "GET /clear");
    Client garbage(door);
    garbage.send("\x16\x03\x01\x00\x05hello, this is not a handshake");
    garbage.end_sending();
    CHECK(garbage.read_to_end().size() < 100);  // At most an alert.
  }
  Door again(test_limits(), {}, folder.path);
  CHECK(content(folder.path + "/tls.crt") == certificate);
}

TEST_CASE("large answers cross TLS whole") {
  Folder folder;
  Door door(test_limits(), {}, folder.path);
  TlsClient client(door, folder.path + "/tls.crt", "localhost");
  REQUIRE(client.shake());
  const auto answer = client.ask("GET /sized?1000000 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(answer.ends_with("\r\n\r\n" + std::string(1'000'000, 'x')));
}

TEST_CASE("HTTP/2 is chosen by ALPN") {
  Folder folder;
  Door door(test_limits(), {}, folder.path);
  TlsClient client(door, folder.path + "/tls.crt", "localhost");
  const unsigned char offered[] = "\x02h2\x08http/1.1";
  SSL_set_alpn_protos(client.ssl, offered, sizeof offered - 1);
  REQUIRE(client.shake());
  const unsigned char* chosen = nullptr;
  unsigned int bytes = 0;
  SSL_get0_alpn_selected(client.ssl, &chosen, &bytes);
  CHECK(std::string_view(reinterpret_cast<const char*>(chosen), bytes) == "h2");
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9);
  SSL_write(client.ssl, preface.data(), static_cast<int>(preface.size()));
  unsigned char frame[9];
  REQUIRE(SSL_read(client.ssl, frame, sizeof frame) == 9);
  CHECK(frame[3] == 4);  // SETTINGS.
}

TEST_CASE("a certificate is made anew for a new name, and a damaged pair is an error") {
  Folder folder;
  const auto before = moonbase::http::ensure_certificate(folder.path, {});
  REQUIRE(before.ok());
  const auto first = content(folder.path + "/tls.crt");
  REQUIRE(moonbase::http::ensure_certificate(folder.path, {"*.localhost", "::1"}).ok());
  CHECK(content(folder.path + "/tls.crt") == first);
  REQUIRE(moonbase::http::ensure_certificate(folder.path, {"cloud.example.com", "10.0.0.7"}).ok());
  const auto second = content(folder.path + "/tls.crt");
  CHECK(second != first);
  REQUIRE(moonbase::http::ensure_certificate(folder.path, {"cloud.example.com"}).ok());
  CHECK(content(folder.path + "/tls.crt") == second);
  CHECK(moonbase::http::ensure_certificate(folder.path, {"a,DNS:evil.example"}).error().code == "InvalidName");
  CHECK(moonbase::http::ensure_certificate("/proc/moonbase", {}).error().code == "InvalidFolder");
  std::ofstream(folder.path + "/tls.key") << "not a key";
  StoppedClock clock;
  moonbase::loop::Loops loops(1, clock);
  moonbase::http::Options options;
  options.port = 0;
  options.clock = &clock;
  options.certificate_folder = folder.path;
  moonbase::http::Server server(loops, options, [](auto&, auto&) {});
  CHECK(server.listen().error().code == "InvalidCertificate");
}
