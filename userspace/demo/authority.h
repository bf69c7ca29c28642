// A throw-away certificate authority of one trust domain: mints X.509-SVIDs as the SPIFFE X509-SVID standard has them.
// Keys are P-256, live in memory only and end with the object. Thread-safe after Create. Source: OpenSSL 3.
#ifndef BELFRY_DEMO_AUTHORITY_H_
#define BELFRY_DEMO_AUTHORITY_H_

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace belfry::demo {

struct Svid {
  std::string certificate;  // ASN.1 DER
  std::string key;          // PKCS#8 ASN.1 DER
};

class Authority {
 public:
  // trust_domain without scheme: "demo.belfry". Valid for one hour.
  static absl::StatusOr<Authority> Create(const std::string& trust_domain);

  absl::StatusOr<Svid> Mint(const std::string& spiffe_id) const;
  const std::string& bundle() const { return bundle_; }  // ASN.1 DER

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* certificate) const { X509_free(certificate); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Certificate = std::unique_ptr<X509, Free>;

  Authority(Key key, Certificate own, std::string bundle)
      : key_(std::move(key)), own_(std::move(own)), bundle_(std::move(bundle)) {}
  static Certificate Sign(const std::string& uri, EVP_PKEY* subject, X509* issuer, EVP_PKEY* signer);

  Key key_;
  Certificate own_;
  std::string bundle_;
};

}  // namespace belfry::demo

#endif  // BELFRY_DEMO_AUTHORITY_H_
