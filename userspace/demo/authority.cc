#include "demo/authority.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <vector>

#include "kit/error.h"

namespace belfry::demo {
namespace {

constexpr long kLifetimeSeconds = 3600;

struct Extension {
  int nid;
  std::string value;
};

bool Add(X509* certificate, X509* issuer, const Extension& extension) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, extension.nid, extension.value.c_str());
  if (made == nullptr) return false;
  const bool added = X509_add_ext(certificate, made, -1) == 1;
  X509_EXTENSION_free(made);
  return added;
}

bool SetSerial(X509* certificate) {
  uint64_t serial = 0;
  return RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) == 1;
}

// What the X509-SVID standard asks of a signing certificate and of a leaf.
std::vector<Extension> ExtensionsOf(bool authority, const std::string& uri) {
  if (authority) {
    return {{NID_basic_constraints, "critical,CA:TRUE"},
            {NID_key_usage, "critical,keyCertSign,cRLSign"},
            {NID_subject_key_identifier, "hash"},
            {NID_subject_alt_name, "URI:" + uri}};
  }
  return {{NID_basic_constraints, "critical,CA:FALSE"},
          {NID_key_usage, "critical,digitalSignature,keyEncipherment,keyAgreement"},
          {NID_ext_key_usage, "serverAuth,clientAuth"},
          {NID_authority_key_identifier, "keyid"},
          {NID_subject_alt_name, "URI:" + uri}};
}

std::string Der(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate, &bytes);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<char*>(bytes), size);
  OPENSSL_free(bytes);
  return der;
}

std::string Pkcs8(EVP_PKEY* key) {
  PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key);
  unsigned char* bytes = nullptr;
  const int size = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &bytes) : 0;
  PKCS8_PRIV_KEY_INFO_free(info);
  if (size <= 0) return {};
  std::string der(reinterpret_cast<char*>(bytes), size);
  OPENSSL_clear_free(bytes, size);
  return der;
}

absl::Status Failed(const std::string& doing) {
  return kit::Error(absl::StatusCode::kInternal, doing, "OpenSSL refused");
}

}  // namespace

// issuer == nullptr: self-signed.
Authority::Certificate Authority::Sign(const std::string& uri, EVP_PKEY* subject, X509* issuer, EVP_PKEY* signer) {
  Certificate made(X509_new());
  if (!made || !SetSerial(made.get()) || X509_set_version(made.get(), X509_VERSION_3) != 1) return nullptr;
  X509_NAME* name = X509_get_subject_name(made.get());
  X509_NAME_add_entry_by_txt(name, "O", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("belfry demo"), -1, -1, 0);
  X509_set_issuer_name(made.get(), X509_get_subject_name(issuer ? issuer : made.get()));
  X509_gmtime_adj(X509_getm_notBefore(made.get()), -60);  // tolerates a client whose clock is a little behind
  X509_gmtime_adj(X509_getm_notAfter(made.get()), kLifetimeSeconds);
  X509_set_pubkey(made.get(), subject);
  for (const Extension& extension : ExtensionsOf(issuer == nullptr, uri)) {
    if (!Add(made.get(), issuer ? issuer : made.get(), extension)) return nullptr;
  }
  if (X509_sign(made.get(), signer, EVP_sha256()) == 0) return nullptr;
  return made;
}

absl::StatusOr<Authority> Authority::Create(const std::string& trust_domain) {
  Key key(EVP_EC_gen("P-256"));
  if (!key) return Failed("make the authority's key");
  Certificate own = Sign("spiffe://" + trust_domain, key.get(), nullptr, key.get());
  if (!own) return Failed("make the authority's certificate");
  std::string bundle = Der(own.get());
  return Authority(std::move(key), std::move(own), std::move(bundle));
}

absl::StatusOr<Svid> Authority::Mint(const std::string& spiffe_id) const {
  Key key(EVP_EC_gen("P-256"));
  Certificate leaf = key ? Sign(spiffe_id, key.get(), own_.get(), key_.get()) : nullptr;
  if (!leaf) return Failed("mint " + spiffe_id);
  Svid svid{Der(leaf.get()), Pkcs8(key.get())};
  if (svid.certificate.empty() || svid.key.empty()) return Failed("write " + spiffe_id);
  return svid;
}

}  // namespace belfry::demo
