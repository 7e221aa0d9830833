#!/bin/sh
# Runs one statement on the sandbox's warehouse and prints its rows: sh pipelines/query.sh "SELECT 1".
set -eu
export AWS_PAGER=""
id=$(aws redshift-data execute-statement --workgroup-name sandbox --database dev --sql "$1" --query Id --output text)
while :; do
    case $(aws redshift-data describe-statement --id "$id" --query Status --output text) in
        FINISHED) break ;;
        FAILED | ABORTED) aws redshift-data describe-statement --id "$id" --query Error --output text >&2; exit 1 ;;
    esac
    sleep 0.2
done
[ "$(aws redshift-data describe-statement --id "$id" --query HasResultSet --output text)" = True ] || exit 0
aws redshift-data get-statement-result --id "$id" --query "Records[*].map(&(isNull && 'NULL' || values(@)[0]), @)" --output text
