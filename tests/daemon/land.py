"""What the tests of `tidegate land` ask of programs that nobody here wrote.

    land.py decoded none|gzip|zstd FILE      the SHA-256 of the content, by Python's gzip and Arrow's zstd
    land.py certificates FOLDER              ca.pem, and server.pem and server.key for localhost, by the cryptography package
    land.py serve FOLDER CERTIFICATES        serves FOLDER by TLS until its input ends; says its port
"""

import datetime
import gzip
import hashlib
import http.server
import ssl
import sys
import threading
from functools import partial
from pathlib import Path


def decoded(codec, path):
    if codec == "gzip":
        content = gzip.decompress(Path(path).read_bytes())
    elif codec == "zstd":
        import pyarrow

        content = pyarrow.CompressedInputStream(pyarrow.OSFile(path), "zstd").read()
    else:
        content = Path(path).read_bytes()
    print(hashlib.sha256(content).hexdigest())


def certificates(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    def name(text):
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    def make(subject, key, issuer, issuer_key, extensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        made = x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
        made = made.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        made = made.not_valid_after(now + datetime.timedelta(days=1))
        for extension, critical in extensions:
            made = made.add_extension(extension, critical)
        return made.sign(issuer_key, hashes.SHA256())

    authority, server = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    signs = x509.BasicConstraints(ca=True, path_length=None), True
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")]), False
    for file, certificate in [
        ("ca.pem", make("authority", authority, "authority", authority, [signs])),
        ("server.pem", make("server", server, "authority", authority, [names])),
    ]:
        (Path(folder) / file).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key = server.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (Path(folder) / "server.key").write_bytes(key)


def serve(folder, certificates):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(certificates) / "server.pem", Path(certificates) / "server.key")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()


{"decoded": decoded, "certificates": certificates, "serve": serve}[sys.argv[1]](*sys.argv[2:])
