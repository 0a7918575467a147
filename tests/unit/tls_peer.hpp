// Two OpenSSL ends over memory buffers, and everything they say as a passive observer would see it.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/evidence/tls.hpp"
#include "tests/unit/x509_make.hpp"

namespace mxw::test {

using evidence::Dir;

// What one end wrote at once, and how much of the other it had read by then: a tap may see the two
// directions in any order that respects this.
struct Piece {
  Dir dir = Dir::client;
  Octets bytes;
  std::size_t after = 0;  // octets of the other direction
  std::uint64_t frame = 0;
};
using Transcript = std::vector<Piece>;

using Context = std::shared_ptr<SSL_CTX>;

struct Contexts {
  Context client{SSL_CTX_new(TLS_client_method()), SSL_CTX_free};
  Context server{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
  Cert certificate;

  Contexts() {
    const Key key = ec_key();
    certificate = make_cert({.dns = {"mx.example.net"}}, key);
    SSL_CTX_use_certificate(server.get(), certificate.get());
    SSL_CTX_use_PrivateKey(server.get(), key.get());
  }
  void versions(int low, int high) {
    for (SSL_CTX* one : {client.get(), server.get()}) {
      SSL_CTX_set_min_proto_version(one, low);
      SSL_CTX_set_max_proto_version(one, high);
    }
  }
  void ciphers(const char* list) {
    for (SSL_CTX* one : {client.get(), server.get()}) {
      ASSERT_EQ(SSL_CTX_set_cipher_list(one, list), 1) << list;
    }
  }
};

class Conversation {
 public:
  explicit Conversation(const Contexts& contexts)
      : client_(SSL_new(contexts.client.get()), SSL_free),
        server_(SSL_new(contexts.server.get()), SSL_free) {
    for (SSL* end : {client_.get(), server_.get()}) {
      SSL_set_bio(end, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    }
    SSL_set_connect_state(client_.get());
    SSL_set_accept_state(server_.get());
  }

  SSL* client() { return client_.get(); }
  SSL* server() { return server_.get(); }
  const Transcript& transcript() const { return transcript_; }

  // Until neither end has anything to say.
  void handshake() {
    for (int round = 0; round < 20; ++round) {
      const std::size_t before = transcript_.size();
      SSL_do_handshake(client());
      move(Dir::client);
      SSL_do_handshake(server());
      move(Dir::server);
      if (transcript_.size() == before) break;
    }
    ERR_clear_error();
  }

  // One record of application data; the other end reads it.
  void say(Dir dir, const std::string& text) {
    ASSERT_GT(SSL_write(end(dir), text.data(), static_cast<int>(text.size())), 0);
    move(dir);
    char buffer[4096];
    (void)SSL_read(end(other(dir)), buffer, sizeof(buffer));
    move(other(dir));
  }

  void close(Dir dir) {
    SSL_shutdown(end(dir));
    move(dir);
  }

 private:
  SSL* end(Dir dir) { return dir == Dir::client ? client() : server(); }

  // Carries what `dir` wrote to the other end.
  void move(Dir dir) {
    Octets bytes(BIO_ctrl_pending(SSL_get_wbio(end(dir))));
    if (bytes.empty()) return;
    BIO_read(SSL_get_wbio(end(dir)), bytes.data(), static_cast<int>(bytes.size()));
    BIO_write(SSL_get_rbio(end(other(dir))), bytes.data(), static_cast<int>(bytes.size()));
    const std::size_t after = said_[evidence::index(other(dir))];
    said_[evidence::index(dir)] += bytes.size();
    transcript_.push_back({dir, std::move(bytes), after, transcript_.size() + 1});
  }

  std::unique_ptr<SSL, void (*)(SSL*)> client_, server_;
  std::size_t said_[2] = {0, 0};
  Transcript transcript_;
};

// Every piece cut into parts of 1..`most` octets; a part keeps its piece's frame.
inline Transcript split(const Transcript& whole, std::size_t most, std::mt19937& random) {
  Transcript out;
  for (const Piece& piece : whole) {
    for (std::size_t at = 0; at < piece.bytes.size();) {
      const std::size_t n = std::min(piece.bytes.size() - at, 1 + random() % most);
      const auto first = piece.bytes.begin() + static_cast<std::ptrdiff_t>(at);
      out.push_back(
          {piece.dir, {first, first + static_cast<std::ptrdiff_t>(n)}, piece.after, piece.frame});
      at += n;
    }
  }
  return out;
}

// Another order of the same parts in which no part comes before what its sender had read.
inline Transcript interleave(const Transcript& parts, std::mt19937& random) {
  std::vector<const Piece*> queue[2];
  for (const Piece& part : parts) queue[evidence::index(part.dir)].push_back(&part);
  std::size_t next[2] = {0, 0}, seen[2] = {0, 0};
  Transcript out;
  while (out.size() < parts.size()) {
    const auto side = static_cast<std::size_t>(random() % 2);
    if (next[side] == queue[side].size()) continue;
    const Piece& part = *queue[side][next[side]];
    if (part.after > seen[1 - side]) continue;
    out.push_back(part);
    seen[side] += part.bytes.size();
    ++next[side];
  }
  return out;
}

}  // namespace mxw::test
