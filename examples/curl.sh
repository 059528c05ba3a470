#!/usr/bin/env bash
# An operator's command with curl alone: energy-market signs it, curl posts it, asks what became of it, and reads the account.
#
#     bash examples/curl.sh P100 50    # puts 50 into the account of P100
set -euo pipefail

prosumer=$1
amount=$2
queue=${ENERGY_MARKET_QUEUE_URL:-http://127.0.0.1:8080}

command=$(energy-market sign topUpAccount --data "{\"prosumer\": \"$prosumer\", \"amount\": \"$amount\"}" --as operator)

# The same bytes may be posted again whenever no answer came: under one id a command counts once.
receipt=$(curl -sS --retry 5 -H 'Content-Type: application/json' --data-binary "$command" "$queue/queue")
href=$(python3 -c 'import json, sys; print(json.load(sys.stdin)["href"])' <<< "$receipt")

curl -sS --fail "$queue$href&wait=30" # committed or rejected, with the contract's result or reason
echo
curl -sS --fail "$queue/prosumers/$prosumer"
echo
