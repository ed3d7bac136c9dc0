#!/usr/bin/env bash
# health.sh SERVICE: whether the daemon of this container does what the others need it for.
# Only bash is used: an image need have no curl.
set -euo pipefail

get() { # HOST PORT PATH: the answer to a GET, its head included
    exec 3<>"/dev/tcp/$1/$2"
    printf 'GET %s HTTP/1.1\r\nHost: %s:%s\r\nAccept: application/json\r\nConnection: close\r\n\r\n' "$3" "$1" "$2" >&3
    cat <&3
}

of_namenode() { # BEAN
    get namenode 9870 "/jmx?qry=Hadoop:service=NameNode,name=$1"
}

answer=
case "$1" in
    zookeeper)
        exec 3<>/dev/tcp/localhost/2181
        printf ruok >&3
        answer=$(cat <&3)
        [[ $answer == imok ]] ;;
    namenode)
        answer=$(of_namenode NameNodeInfo)
        [[ $answer == *'"Safemode" : ""'* ]] ;;
    datanode)
        answer=$(of_namenode FSNamesystemState)
        [[ $answer =~ '"NumLiveDataNodes" : '[1-9] ]] ;;
    resourcemanager)
        answer=$(get resourcemanager 8088 /ws/v1/cluster/info)
        [[ $answer == *'"haState":"ACTIVE"'* ]] ;;
    nodemanager)
        answer=$(get resourcemanager 8088 "/ws/v1/cluster/nodes/$HOSTNAME:45454")
        [[ $answer == *'"state":"RUNNING"'* ]] ;;
    *)
        echo "no service $1" >&2
        exit 2 ;;
esac
