"""The policy host: nginx with one server per domain, good and bad ones."""
import os

from domains import ALL
from topology import POLICY_HOST, WEB

HEAD = """user nobody nogroup;
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log stderr notice;
events {{ worker_connections 512; }}
http {{
  access_log {folder}/access.log;
  default_type text/plain;
  types {{ }}
  client_body_temp_path {folder}/tmp;
  proxy_temp_path {folder}/tmp;
  fastcgi_temp_path {folder}/tmp;
  uwsgi_temp_path {folder}/tmp;
  scgi_temp_path {folder}/tmp;
"""
# What each trouble adds to its server.
EXTRA = {"redirect": "return 302 https://mta-sts.good.test/.well-known/mta-sts.txt;",
         "media": "default_type text/html;",
         "slow": "limit_rate 1;"}
CERT = {"wrong-name": "wrong", "expired": "host-expired"}
OVERSIZE = 65537  # one more than RFC 8461 section 3.3 advises to accept


def start(background, folder, pki):
    os.makedirs(folder + "/tmp", exist_ok=True)
    text = HEAD.format(folder=folder)
    for domain in ALL:
        if domain.mode:
            text += server(folder, domain, pki)
    with open(folder + "/nginx.conf", "w") as f:
        f.write(text + "}\n")
    background.start("nginx", "nginx", "-e", "stderr", "-c", folder + "/nginx.conf", ns=WEB,
                     ready="start worker process")


def server(folder, domain, pki):
    chain = pki.path(CERT.get(domain.host, "host") + ".chain")
    root = f"{folder}/{domain.name}"
    os.makedirs(root + "/.well-known", exist_ok=True)
    if domain.host != "missing":
        with open(root + "/.well-known/mta-sts.txt", "w", newline="") as f:
            f.write(domain.policy)
            if domain.host == "oversize":
                f.write("x: " + "y" * OVERSIZE + "\r\n")
    return f"""  server {{
    listen {POLICY_HOST}:443 ssl;
    server_name mta-sts.{domain.name};
    ssl_certificate {chain};
    ssl_certificate_key {chain};
    root {root};
    {EXTRA.get(domain.host, "")}
  }}
"""
