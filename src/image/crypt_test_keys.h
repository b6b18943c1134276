/* SPDX-License-Identifier: Apache-2.0 */
/* Keys for tests: they open nothing else. */
#ifndef COVE_IMAGE_CRYPT_TEST_KEYS_H
#define COVE_IMAGE_CRYPT_TEST_KEYS_H

/* RFC 7516, appendix A.1.3. */
#define TEST_RSA_KEY                                                         \
	"-----BEGIN RSA PRIVATE KEY-----\n"                                  \
	"MIIEowIBAAKCAQEAoahUIoWw0K0usKNuOR6H4wkf4oBUXHTxRvgb48E+BVvxkeDN\n" \
	"jbC4he8rUWcJoZmds2h7M70imEVhRU5djINXtqllXI4DFqcI1DgjT9LewND8MW2K\n" \
	"rf3Spsk/ZkoFnilakGygTwpZ3uesH+PFABNIUYpOiN15dsQRkgr0vEhxN92i2asb\n" \
	"OenSZeyaxziK72UwxrrKoExv6kc5twXTq4h+QChLOln0/mtUZwfsRaMStPs6mS6X\n" \
	"rgxnxbWhojf663tuEQueGC+FCMfra36C9knDFGzKsNa7LZK2djYgyD3JR/MB/4NU\n" \
	"JW/TqOQtwHYbxevoJArm+L5StowjzGy+/bq6GwIDAQABAoIBAQCQt20iPoZsOSz8\n" \
	"CkJJNhC16Vw222UqI7I/Mytcd4j7KTUXv6SkPFjj5Zjk1ZXkqe1oR5dLWPzYTfvn\n" \
	"HGFYwdfK+Nh5w9P1+nBH8z2BXyf0euHZqdOlMP3cO3rbKlbfIOwnMGdOeti7WLBZ\n" \
	"GAEqsRhjjqoBkisDbEDCebZfu4ZHWGCGSoOnRWqPeRtILPVfJ8Kzr8t6EHC3EcjK\n" \
	"HxGKnLjSnbiag4BuDFXDevFP++W3dRV7hY7cmQk7OWlR/4pNUjY+2Cb50BHFMS0T\n" \
	"6J37g4mvSH4r5UWzdVKd1VMjOdLF/KuPwgsvowb9S/xgC7tUgtIHeU5bTzn7ioTc\n" \
	"POCtOODJAoGBANa+dl5OOnPi7HweT+ONqe2rXT1K8UEsuJrYv7WSNzIH9hLhVW1K\n" \
	"Awb2kUPklsZG5JqBMy+yV66EgY0qyt2CEIGHTIMgBD0z417/4SNv9Xk0j1WX8y9J\n" \
	"X3zZ9NyF6lheTAxbqFGBNIc29r4a5Tf6yq23wyMFG06444InkW8AugpdAoGBAMC2\n" \
	"9+ce4ZkFmbFiZgf75XvO4oYGdfUvJQRETiyLGRuGsmVXvR4vYA1QjgZlA3Wg2FU0\n" \
	"jcf/BcsNWGGvVxqxpw3sNNCdvHEVKHgQf4yiNaJmtDq79U/WlyFsSsHeIL8RSJjl\n" \
	"q90ES/ShAUc5NkWrVAZ5g2SUyAH8E7NIOvFGR77XAoGAZK+YwE7diUh0qR1tR7w8\n" \
	"WHtolDx3MZ/OTowiFvgfeQ3SiresXjm9gZ5KLhMXvo+uz+KUJWDxS5pFQ/M0evdo\n" \
	"1dKiRTjVw/x4NyqyXPM5nULPkcpU827rnpZzAJKpdhWAgqrXGKAECQH0Xt4taznj\n" \
	"nd/zVpAmZZq60WPMBMfKcuECgYAOrSB+AnUN0UZeIu9ARme4oQ3RRSawkHGSPJ1z\n" \
	"ePhlh0GIxEDLzrHS8cKPLBwyVhiDjKgLhhlr2E1VyyOoDcV6IvX2uTyDpCfb1O3R\n" \
	"yPyqrIWnP280MFR8ICIlV4RI6MkNk9gd0djy/Vv6j5nZfm28vH5MJ6R/ujHJ4oNS\n" \
	"opaOKwKBgFSDKTGGz3+O3U9cP8w1F3z4prEnoJzDgNc02l+2hpP/Lq2OkfPmVtRc\n" \
	"VOwJVgMi1sm6qurdelRXe4UHdMun5VCuEpTsnQetYMGpzrFxjgDr/NnB6tBN3i+B\n" \
	"67WZFLir5z6zJ7FFBZX1Hcm1c8co8/SRf18mmNeGq3S0o3+C/xTW\n"             \
	"-----END RSA PRIVATE KEY-----\n"
#define TEST_RSA_PUBLIC                                                      \
	"-----BEGIN PUBLIC KEY-----\n"                                       \
	"MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoahUIoWw0K0usKNuOR6H\n" \
	"4wkf4oBUXHTxRvgb48E+BVvxkeDNjbC4he8rUWcJoZmds2h7M70imEVhRU5djINX\n" \
	"tqllXI4DFqcI1DgjT9LewND8MW2Krf3Spsk/ZkoFnilakGygTwpZ3uesH+PFABNI\n" \
	"UYpOiN15dsQRkgr0vEhxN92i2asbOenSZeyaxziK72UwxrrKoExv6kc5twXTq4h+\n" \
	"QChLOln0/mtUZwfsRaMStPs6mS6XrgxnxbWhojf663tuEQueGC+FCMfra36C9knD\n" \
	"FGzKsNa7LZK2djYgyD3JR/MB/4NUJW/TqOQtwHYbxevoJArm+L5StowjzGy+/bq6\n" \
	"GwIDAQAB\n"                                                         \
	"-----END PUBLIC KEY-----\n"
/* A certificate for it. */
#define TEST_CERTIFICATE                                                     \
	"-----BEGIN CERTIFICATE-----\n"                                      \
	"MIIDATCCAemgAwIBAgIUJgOKnOMXwRzJkSFVn8U2EFaqPOEwDQYJKoZIhvcNAQEL\n" \
	"BQAwDzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjYwNzQ1NDVaGA8yMTA5MDExNTA3\n" \
	"NDU0NVowDzENMAsGA1UEAwwEdGVzdDCCASIwDQYJKoZIhvcNAQEBBQADggEPADCC\n" \
	"AQoCggEBAKGoVCKFsNCtLrCjbjkeh+MJH+KAVFx08Ub4G+PBPgVb8ZHgzY2wuIXv\n" \
	"K1FnCaGZnbNoezO9IphFYUVOXYyDV7apZVyOAxanCNQ4I0/S3sDQ/DFtiq390qbJ\n" \
	"P2ZKBZ4pWpBsoE8KWd7nrB/jxQATSFGKTojdeXbEEZIK9LxIcTfdotmrGznp0mXs\n" \
	"msc4iu9lMMa6yqBMb+pHObcF06uIfkAoSzpZ9P5rVGcH7EWjErT7Opkul64MZ8W1\n" \
	"oaI3+ut7bhELnhgvhQjH62t+gvZJwxRsyrDWuy2StnY2IMg9yUfzAf+DVCVv06jk\n" \
	"LcB2G8Xr6CQK5vi+UraMI8xsvv26uhsCAwEAAaNTMFEwHQYDVR0OBBYEFC3GSd67\n" \
	"/MY++WztoUI04vm0I3CtMB8GA1UdIwQYMBaAFC3GSd67/MY++WztoUI04vm0I3Ct\n" \
	"MA8GA1UdEwEB/wQFMAMBAf8wDQYJKoZIhvcNAQELBQADggEBAA8kdHdVg2GyqadB\n" \
	"e5jovGFSoWloBX16v1l8Z6HaQMtWM3U5tMRTuFignCLostnQsWmydSwhI5dEbZ49\n" \
	"Tj+GeP2sHPTOeZkAHWYkWMBH+AwRkkJDcR5Q5+q0E/vRueqtBKuHs2o6j9uTwyKp\n" \
	"MW3uHhnbwfVK2wk2hwMvS4GifY/dL8+4RdHw/jbND1LfegbtwuDMrWU0uInm6l5a\n" \
	"1l0fn3PnyJl1a+B72CCUxkjN5StYDacn9R/il9CEzQbORrlbYz4x2dH6xrqTFaw5\n" \
	"C+kF54MwonMgYdckd1RB17X2x59XF/h8B/YnD4YGGnbBgvn+NRJ3EisKzcm52cQG\n" \
	"9AR1JY0=\n"                                                         \
	"-----END CERTIFICATE-----\n"
/* P-256 */
#define TEST_EC_KEY                                                          \
	"-----BEGIN PRIVATE KEY-----\n"                                      \
	"MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgzygC7oEgwHBd2C+J\n" \
	"LS1v+dbkiA5usnaDfnMptmJ3HV2hRANCAAR1EyrLvCqfKB9YEDflutS6xHu4xTh1\n" \
	"T0gNpNmyZn9gnlqhriRNq9b8mmQzKZQeMaqfgJt9vIDVubDrd6kYnfI2\n"         \
	"-----END PRIVATE KEY-----\n"
#define TEST_EC_PUBLIC                                                       \
	"-----BEGIN PUBLIC KEY-----\n"                                       \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdRMqy7wqnygfWBA35brUusR7uMU4\n" \
	"dU9IDaTZsmZ/YJ5aoa4kTavW/JpkMymUHjGqn4CbfbyA1bmw63epGJ3yNg==\n"     \
	"-----END PUBLIC KEY-----\n"

#endif
