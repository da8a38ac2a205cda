# Made by vaultops.cluster. Changes made here are overwritten.
cluster_name  = "prod"
api_addr      = "https://10.0.1.10:8200"
cluster_addr  = "https://10.0.1.10:8201"
ui            = true
log_format    = "json"
log_level     = "info"
# Whoever has just written reads it from every node.
disable_standby_reads = true

listener "tcp" {
  address         = "0.0.0.0:8200"
  cluster_address = "0.0.0.0:8201"
  tls_cert_file   = "/etc/vault.d/tls/vault.crt"
  tls_key_file    = "/etc/vault.d/tls/vault.key"
  tls_min_version = "tls13"
}

storage "raft" {
  path                   = "/opt/vault/data"
  node_id                = "vault-1"
  performance_multiplier = 1

  retry_join {
    leader_api_addr       = "https://10.0.1.11:8200"
    leader_ca_cert_file   = "/etc/vault.d/tls/ca.crt"
    leader_tls_servername = "vault.prod.internal"
  }

  retry_join {
    leader_api_addr       = "https://10.0.1.12:8200"
    leader_ca_cert_file   = "/etc/vault.d/tls/ca.crt"
    leader_tls_servername = "vault.prod.internal"
  }
}

seal "awskms" {
  region     = "eu-central-1"
  kms_key_id = "alias/vault-unseal"
}

audit "file" "file" {
  options {
    file_path = "/var/log/vault/audit.log"
  }
}
audit "file" "journal" {
  options {
    file_path = "stdout"
  }
}
