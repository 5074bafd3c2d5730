#include "http/tls.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <stdexcept>

#include "http/certificate.hpp"

namespace moonbase::http {
namespace {

SSL_CTX* context_of(void* context) { return static_cast<SSL_CTX*>(context); }

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL.
int descriptor_of(BIO* bio) { return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio))); }

int bio_read(BIO* bio, char* into, int bytes_max) {
  BIO_clear_retry_flags(bio);
  const auto count = ::recv(descriptor_of(bio), into, static_cast<std::size_t>(bytes_max), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(count);
}

int bio_write(BIO* bio, const char* bytes, int count) {
  BIO_clear_retry_flags(bio);
  const auto sent = ::send(descriptor_of(bio), bytes, static_cast<std::size_t>(count), MSG_NOSIGNAL);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* descriptor_bio() {
  static const BIO_METHOD* method = [] {
    auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "descriptor");
    BIO_meth_set_read(made, bio_read);
    BIO_meth_set_write(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes, const unsigned char* offered,
                    unsigned int offered_bytes, void*) {
  static constexpr unsigned char ours[] = "\x02h2\x08http/1.1";
  auto* out = const_cast<unsigned char**>(chosen);
  if (SSL_select_next_proto(out, chosen_bytes, ours, sizeof ours - 1, offered, offered_bytes) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  return SSL_TLSEXT_ERR_OK;
}

class TlsTransport final : public Transport {
 public:
  TlsTransport(loop::Loop& loop, int descriptor, SSL* ssl, std::chrono::milliseconds write_timeout)
      : loop_(loop), descriptor_(descriptor), ssl_(ssl), write_timeout_(write_timeout) {}
  ~TlsTransport() override { SSL_free(ssl_); }

  bool shake_hands(MachineTime deadline) {
    while (true) {
      ERR_clear_error();
      const int state = SSL_do_handshake(ssl_);
      if (state == 1) return true;
      if (!wait_for(SSL_get_error(ssl_, state), deadline)) return false;
    }
  }

  std::ptrdiff_t read(char* into, std::size_t bytes_max, MachineTime deadline) override {
    while (true) {
      if (broken_) return broken;
      ERR_clear_error();
      const int count = SSL_read(ssl_, into, static_cast<int>(std::min<std::size_t>(bytes_max, INT_MAX)));
      if (count > 0) return count;
      const int error = SSL_get_error(ssl_, count);
      if (error == SSL_ERROR_ZERO_RETURN) return ended;
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
        broken_ = true;
        return broken;
      }
      if (!wait_for(error, deadline)) return timeout;
    }
  }

  bool wait_readable(MachineTime deadline) override {
    // What is decrypted, or at least received, raises no event any more.
    if (broken_ || SSL_has_pending(ssl_)) return true;
    return loop_.wait_readable(descriptor_, deadline);
  }

  bool write(std::string_view first, std::string_view second) override {
    // One record instead of two where that is cheap.
    if (!second.empty() && first.size() + second.size() <= 16 * 1024) {
      return write_all(std::string(first).append(second));
    }
    return write_all(first) && write_all(second);
  }

  void end_writing() override {
    if (!broken_) {
      ERR_clear_error();
      SSL_shutdown(ssl_);  // Its alert fits the socket's buffer, or nobody is listening.
    }
    ::shutdown(descriptor_, SHUT_WR);
  }

 private:
  bool wait_for(int error, MachineTime deadline) {
    if (error == SSL_ERROR_WANT_READ) return loop_.wait_readable_again(descriptor_, deadline);
    if (error == SSL_ERROR_WANT_WRITE) return loop_.wait_writable_again(descriptor_, deadline);
    return false;
  }

  bool write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      if (broken_) return false;
      ERR_clear_error();
      const int count = SSL_write(ssl_, bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX)));
      if (count > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(count));
        continue;
      }
      const int error = SSL_get_error(ssl_, count);
      if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) broken_ = true;
      if (!wait_for(error, loop_.now() + write_timeout_)) return false;
    }
    return true;
  }

  loop::Loop& loop_;
  const int descriptor_;
  SSL* const ssl_;
  const std::chrono::milliseconds write_timeout_;
  bool broken_ = false;
};

SSL* new_ssl(void* context, int descriptor) {
  auto* ssl = SSL_new(context_of(context));
  auto* bio = BIO_new(descriptor_bio());
  if (!ssl || !bio) throw std::bad_alloc();
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(descriptor)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  return ssl;
}

}  // namespace

Result<std::unique_ptr<Tls>> Tls::open(const std::string& folder, const std::vector<std::string>& names) {
  if (auto made = ensure_certificate(folder, names); !made) return std::move(made).error();
  std::unique_ptr<Tls> tls(new Tls);
  auto* context = SSL_CTX_new(TLS_server_method());
  if (!context) throw std::bad_alloc();
  tls->context_ = context;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_alpn_select_cb(context, choose_protocol, nullptr);
  if (SSL_CTX_use_certificate_file(context, certificate_path(folder).c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_PrivateKey_file(context, key_path(folder).c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return Error{.code = "InvalidCertificate",
                 .message = "The TLS certificate and key in " + folder +
                            " do not belong together or are damaged. Remove them, and new ones are made."};
  }
  return tls;
}

Tls::~Tls() { SSL_CTX_free(context_of(context_)); }

std::unique_ptr<Transport> Tls::accept(loop::Loop& loop, int descriptor, const Limits& limits, bool& http2) const {
  auto* ssl = new_ssl(context_, descriptor);
  auto transport = std::make_unique<TlsTransport>(loop, descriptor, ssl, limits.write_timeout);
  SSL_set_accept_state(ssl);
  if (!transport->shake_hands(loop.now() + limits.head_timeout)) return nullptr;
  const unsigned char* protocol = nullptr;
  unsigned int protocol_bytes = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &protocol_bytes);
  http2 = std::string_view(reinterpret_cast<const char*>(protocol), protocol_bytes) == "h2";
  return transport;
}

TlsClient::TlsClient(const std::string& trusted_certificates) {
  auto* context = SSL_CTX_new(TLS_client_method());
  if (!context) throw std::bad_alloc();
  context_ = context;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_default_verify_paths(context);
  if (!trusted_certificates.empty() &&
      SSL_CTX_load_verify_locations(context, trusted_certificates.c_str(), nullptr) != 1) {
    ERR_clear_error();
    SSL_CTX_free(context);
    throw std::runtime_error("cannot read certificates from " + trusted_certificates);
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
}

TlsClient::~TlsClient() { SSL_CTX_free(context_of(context_)); }

std::unique_ptr<Transport> TlsClient::connect(loop::Loop& loop, int descriptor, const std::string& host,
                                              std::chrono::milliseconds timeout, std::string& problem) const {
  auto* ssl = new_ssl(context_, descriptor);
  auto transport = std::make_unique<TlsTransport>(loop, descriptor, ssl, timeout);
  SSL_set_connect_state(ssl);
  // An address is checked as such, and never sent as a name.
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) != 1) {
    SSL_set1_host(ssl, host.c_str());
    SSL_set_tlsext_host_name(ssl, host.c_str());
  }
  if (transport->shake_hands(loop.now() + timeout)) return transport;
  const auto verdict = SSL_get_verify_result(ssl);
  problem = verdict == X509_V_OK ? "the handshake failed" : X509_verify_cert_error_string(verdict);
  return nullptr;
}

}  // namespace moonbase::http
