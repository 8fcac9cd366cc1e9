#!/bin/sh
# Runs a program of the image with its secrets, which lie in files (NAME_FILE), as NAME. None is printed.
#
#   entrypoint tracker …      entrypoint airflow …      any program
#   entrypoint migrate        both databases up to date, keys made the first time, the pool of loaders
#   entrypoint healthy        exit 0 when the service named in SERVICE is well
set -eu
umask 077

for name in TRACKER_DATABASE_URL AIRFLOW__DATABASE__SQL_ALCHEMY_CONN AIRFLOW__CORE__FERNET_KEY \
            AIRFLOW__API_AUTH__JWT_SECRET AIRFLOW__API__SECRET_KEY \
            AIRFLOW__KEYCLOAK_AUTH_MANAGER__CLIENT_SECRET \
            AIRFLOW__CELERY__BROKER_URL AIRFLOW__CELERY__RESULT_BACKEND; do
  eval "file=\${${name}_FILE:-}"
  [ -n "$file" ] || { unset "${name}_FILE"; continue; }
  [ -r "$file" ] || { echo "entrypoint: ${name}_FILE names $file, which cannot be read" >&2; exit 6; }
  value=$(cat "$file")
  export "$name=$value"
  unset "${name}_FILE" value
done

# Airflow knows its database by two names, one for each way it connects.
if [ -n "${AIRFLOW__DATABASE__SQL_ALCHEMY_CONN:-}" ]; then
  export AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC="$AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"
fi

# The built-in login reads a file it may also write. Where another auth manager stands there is none.
if [ -n "${AIRFLOW_ADMIN_PASSWORD_FILE:-}" ]; then
  export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE="$AIRFLOW_HOME/password.json"
  printf '{"admin": "%s"}' "$(cat "$AIRFLOW_ADMIN_PASSWORD_FILE")" \
    > "$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
  unset AIRFLOW_ADMIN_PASSWORD_FILE
fi

# What Airflow's API says of one part: metadatabase, scheduler, dag_processor, triggerer.
ask_api() {
  exec python3 -c '
import json, sys, urllib.request
address, part = sys.argv[1:]
with urllib.request.urlopen(f"{address}/api/v2/monitor/health", timeout=8) as answer:
    sys.exit(json.load(answer)[part]["status"] != "healthy")
' "${AIRFLOW_API:-http://127.0.0.1:8080}" "$1"
}

case "${1:-}" in
  migrate)
    tracker db upgrade
    [ -e "$TRACKER_KEYS" ] || tracker key new
    airflow db migrate
    airflow pools set tracker_loading "${TRACKER_WORKERS:-4}" "deliveries loading beside each other" ;;
  healthy)
    case "${SERVICE:-}" in
      api-server) ask_api metadatabase ;;
      scheduler) ask_api scheduler ;;
      dag-processor) ask_api dag_processor ;;
      triggerer) ask_api triggerer ;;
      *) exec tracker db status --json > /dev/null ;;
    esac ;;
  *) exec "$@" ;;
esac
