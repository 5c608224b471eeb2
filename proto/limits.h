/* proto/limits.h - every bound on what comes from outside, each with its reason.
 *
 * A number that a peer, a file or a person can make large is compared with one of these before
 * memory, disk or time is spent on it. */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

#define KiB (1024ll)
#define MiB (1024ll * 1024)
#define GiB (1024ll * 1024 * 1024)

/* --- the wire ------------------------------------------------------------------------------- */
#define MESSAGE_MAX (4 * MiB)            /* one gRPC message; what grpc's own stacks allow */
#define CHUNK_MAX (256 * KiB)            /* data of one blob chunk; keeps memory per stream constant */
#define CHUNK_SIZE (64 * KiB)            /* what we send ourselves */
#define METADATA_MAX (8 * KiB)           /* all header fields of a call, 32 bytes added for each */
#define METADATA_FIELDS_MAX 64           /* many tiny indexed fields are an attack (reliability 4.8) */
#define METADATA_SEND_MAX 16             /* fields of an application that one call sends */
#define STREAMS_MAX 128                  /* calls at once on one connection */
#define SEND_QUEUE_HIGH (256 * KiB)      /* queued on one call: on_space is owed from here on */
#define SEND_QUEUE_LOW (64 * KiB)        /* and comes when it has fallen to here */
#define WINDOW_CONNECTION (1 * MiB)      /* bytes on the way to us over all calls of a connection */
#define WINDOW_CALL (64 * KiB - 1)       /* to one call; also what waits while a caller is unknown */
#define WINDOW_STREAM (512 * KiB)        /* to a call that was admitted and streams to us */
#define MESSAGE_DEPTH_MAX 16             /* messages within messages */
#define MESSAGE_MEMORY_MAX (16 * MiB)    /* a message once unpacked */
#define SETTINGS_ENTRIES_MAX 32          /* in one SETTINGS frame */
#define RESETS_BURST (4 * STREAMS_MAX)   /* streams that a peer may reset at once: all of its own are in order, */
#define RESETS_PER_SECOND 33             /* and from then on */

/* --- accounts ------------------------------------------------------------------------------- */
#define ACCOUNT_NAME_MIN 2
#define ACCOUNT_NAME_MAX 32
#define PASSWORD_MIN 8
#define PASSWORD_MAX 256                 /* a hash must not take a megabyte of input */
#define CALL_ID_MAX 64
#define TOKEN_TTL_MS (90ll * 86400 * 1000)
#define PASSWORD_QUEUE_MAX 100           /* hashes waiting; each costs 30 ms and 32 MiB */

/* --- a task --------------------------------------------------------------------------------- */
#define NAME_MAX_LENGTH 64
#define IMAGE_NAME_MAX 255
#define COMMAND_WORDS_MAX 256
#define COMMAND_BYTES_MAX (64 * KiB)
#define ENV_MAX 256
#define ENV_BYTES_MAX (64 * KiB)
#define LABELS_MAX 32
#define OUTPUTS_MAX 64
#define GLOB_MAX 255
#define TIME_LIMIT_MAX_S (30 * 86400)
#define TIME_LIMIT_DEFAULT_S 3600
#define GRACE_MAX_S 300
#define GRACE_DEFAULT_S 5
#define KEEP_MAX_S (90 * 86400)
#define KEEP_DEFAULT_S (14 * 86400)
#define MILLI_CPUS_DEFAULT 1000
#define MILLI_CPUS_MIN 10
#define MILLI_CPUS_MAX (1024 * 1000)
#define MEMORY_DEFAULT (128 * MiB)
#define MEMORY_MIN (16 * MiB)            /* runc itself needs some to start a container */
#define MEMORY_MAX (16384 * GiB)
#define DISK_DEFAULT (1 * GiB)
#define DISK_MIN (1 * MiB)
#define DISK_MAX (16384 * GiB)
#define GPUS_MAX 64
#define OUTPUT_DEFAULT (2 * GiB)
#define MANIFEST_MAX (1 * MiB)           /* bytes of hivemind.json */
#define REASON_MAX 400
#define TASKS_LIVE_MAX 1000000           /* of the whole pool */

/* --- archives (bundles in, results out) ----------------------------------------------------- */
#define BUNDLE_MAX (64 * GiB)            /* bytes of the tar */
#define ARCHIVE_ENTRIES_MAX 100000       /* files and directories */
#define ARCHIVE_DEPTH_MAX 32             /* directories within directories */
#define ARCHIVE_NAME_MAX 255             /* of one component */
#define ARCHIVE_PATH_MAX 1024            /* of the whole name */
#define GZIP_RATIO_MAX 200               /* unpacked / packed, once 16 MiB have come out: a bomb */

/* --- output of a task ----------------------------------------------------------------------- */
#define LOG_HEAD_MAX (4 * MiB)           /* sent as it comes */
#define LOG_TAIL_MAX (1 * MiB)           /* of what follows, the last part is kept */

/* --- workers -------------------------------------------------------------------------------- */
#define HEARTBEAT_MS 1000
#define LOST_AFTER_MS 10000
#define ATTEMPTS_MAX 1024                /* at once on one worker */
#define LOSSES_MAX 5                     /* attempts lost with their worker before INFRA */

/* --- keys, certificates and TLS ------------------------------------------------------------- */
#define SECRET_FILE_MAX (256 * KiB)      /* a key, a chain, the list of known pools */
#define CERTIFICATE_NAMES_MAX 32         /* host names and addresses of one certificate */
#define CERTIFICATE_CHAIN_MAX 8          /* certificates one peer may send */
#define TLS_QUEUE_HIGH (47 * KiB)        /* encrypted and unsent: no more is taken; one record above is 64 KiB */
#define TLS_REST_MS 5000                 /* after something moved, memory of a quiet connection is given back */
#define TLS_SESSION_MS (12ll * 3600 * 1000) /* after it a client checks the certificate again */

/* --- time ----------------------------------------------------------------------------------- */
#define CONNECT_TIMEOUT_MS 10000
#define PEER_TIMEOUT_MS 10000            /* bytes sent and not acknowledged by the peer's kernel */
#define KEEPALIVE_S 30                   /* an idle connection is asked whether it is still there */
#define REDIS_TIMEOUT_MS 2000            /* one command; after it the outcome is unknown */
#define UPLOAD_IDLE_MS (10 * 60 * 1000)  /* an unfinished upload is forgotten after this */
#define PULL_TIMEOUT_MS (10 * 60 * 1000)

#endif
