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
#define METADATA_FIELDS_MAX 64           /* many tiny indexed fields are an attack */
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
/* answers queued on one connection: above it new calls are refused */
#define OUTPUT_MAX (1 * MiB)
#define OUTPUT_HARD_MAX (32 * MiB)       /* and here the connection ends: nobody reads what it asks for */

/* --- what one connection may do (net/guard.h): at once, and then each second ------------------ */
#define PINGS_BURST 10
#define PINGS_PER_SECOND 10.0
#define SETTINGS_BURST 5
#define SETTINGS_PER_SECOND 0.5
/* frames without a byte that do not end a stream: of no use to anyone */
#define EMPTY_DATA_BURST 100
#define EMPTY_DATA_PER_SECOND 1.0
#define WINDOW_UPDATES_BURST 1000
#define WINDOW_UPDATES_PER_SECOND 1000.0
#define CONTINUATIONS_BURST 32           /* METADATA_MAX needs none */
#define CONTINUATIONS_PER_SECOND 8.0
#define OTHER_FRAMES_BURST 200           /* PRIORITY, GOAWAY and types that nobody knows */
#define OTHER_FRAMES_PER_SECOND 100.0
#define INVALID_FRAMES_BURST 10
#define INVALID_FRAMES_PER_SECOND 1.0
#define RESETS_BURST 100                 /* streams that a peer resets which has shown no token; */
#define RESETS_PER_SECOND 10.0
#define RESETS_KNOWN_BURST (4 * STREAMS_MAX) /* one that has may cancel all its calls at once, and again */
#define RESETS_KNOWN_PER_SECOND 33.0
#define RESETS_SENT_BURST 50             /* streams that we reset because of what the peer sent on them */
#define RESETS_SENT_PER_SECOND 5.0
/* frames other than DATA that wait while the socket takes nothing */
#define FRAMES_QUEUE_MAX 1000
#define CONTROL_QUEUE_MAX 200            /* acknowledgements of PING and SETTINGS that wait to be written */

/* --- strangers: connections on which no call with a token was admitted yet -------------------- */
#define ACCEPT_TURN_MAX 16               /* new connections in one turn of the loop */
#define STRANGERS_MAX 1024               /* beyond this machine, in all, */
#define STRANGERS_PREFIX_MAX 16          /* and from one /24 (IPv4) or /56 (IPv6) */

/* --- the pages (ui/http.h) -------------------------------------------------------------------- */
#define HTTP_HEAD_MAX (8 * KiB)          /* request line and header fields */
#define HTTP_FIELDS_MAX 64
#define HTTP_TARGET_MAX (4 * KiB)        /* what is asked for; longer is 414 */
#define HTTP_QUERY_MAX 64                /* parameters in it */
#define HTTP_BODY_MAX (1 * MiB)          /* a collected body, unless its route says otherwise */
#define HTTP_STRANGER_BODY_MAX (16 * KiB) /* the same of who has neither session nor token */
#define HTTP_CHUNK_HEAD_MAX 256          /* framing between two pieces of a body: nobody needs extensions */
/* sent ahead while a request is answered, then the client is held back */
#define HTTP_AHEAD_MAX (16 * KiB)
/* of an answer handed to the socket at once, and most of one http_write() */
#define HTTP_PIECE (32 * KiB)
#define HTTP_QUEUE_HIGH (64 * KiB)       /* of an answer queued: on_space is owed from here on */
/* of events queued for a client that reads nothing, then it is let go */
#define HTTP_QUEUE_MAX (128 * KiB)
#define HTTP_SEND_BUFFER (64 * KiB)      /* asked of the kernel, which takes double: */
#define HTTP_RECEIVE_BUFFER (32 * KiB)   /* who stalls is to cost little there as well */
#define HTTP_CONNECTIONS_MAX 512         /* of one server */
#define HTTP_REFUSED_MAX 64              /* more that are told so */
#define HTTP_SESSIONS_MAX 64             /* browsers signed in; the one unused for longest makes room */
#define HTTP_KEYS_MAX 16                 /* one-time keys given and not used */
#define HTTP_SESSION_IDLE_MS (30ll * 86400 * 1000) /* a session that nobody used for so long ends */
#define HTTP_HEAD_TIMEOUT_MS 10000       /* a head, from its first byte (or the accept) to its last */
#define HTTP_IDLE_TIMEOUT_MS 75000       /* between two requests */
#define HTTP_BODY_TIMEOUT_MS 30000       /* some of a body that is awaited */
#define HTTP_STALL_TIMEOUT_MS 30000      /* for HTTP_PIECE bytes of an answer: 1 KiB/s */
#define HTTP_KEEPALIVE_MS 15000          /* of silence on a stream of events, then a comment */
#define HTTP_LINGER_MS 2000              /* after a last answer, so that a reset does not overtake it */

/* --- accounts ------------------------------------------------------------------------------- */
#define ACCOUNT_NAME_MIN 2
#define ACCOUNT_NAME_MAX 32
#define PASSWORD_MIN 8
#define PASSWORD_MAX 256                 /* a hash must not take a megabyte of input */
#define CALL_ID_MAX 64
#define TOKEN_TTL_MS (90ll * 86400 * 1000)
/* of one account; at a login the one that expires first makes room */
#define TOKENS_MAX 1000
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
/* body of a submission with its files in it; larger ones are uploaded */
#define API_SUBMIT_MAX (4 * MiB)
#define LOG_TAIL_MAX (1 * MiB)           /* of a log that the master keeps to find its last lines */
#define SERIES_POINTS_MAX 3600           /* values in one answer of Pool.Series: an hour of seconds */
#define EVENTS_DIRTY_MAX 1024            /* tasks that one who listens to Events has not been told of yet */
#define TASKS_LIVE_MAX 1000000           /* of the whole pool */
#define RETRY_INFRA_MAX 100
#define RETRY_EXITS_MAX 16               /* exit statuses that are followed by another attempt */
#define RETRY_TIMES_MAX 100              /* by so many: the hold pays for each */
#define DISCONNECT_WAIT_MAX_S 86400

/* Of the pool's disk that bundles may fill: the rest is for results, but never more than the reserve. */
#define POOL_DISK_PERCENT 90
#define POOL_DISK_RESERVE (4 * GiB)

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
/* the pool gives the tasks of a worker that was silent for so long to others */
#define LOST_AFTER_MS 10000
#define LOST_AFTER_MIN_MS 2000           /* a pool that says less is not believed */
/* The worker pauses its containers 7 s after it sent the last heartbeat that was acknowledged, and kills them
 * after 9 s; the supervisor acts a little later, when the worker has not. */
#define PAUSE_AFTER(lost_ms) ((lost_ms) * 7 / 10)
#define KILL_AFTER(lost_ms) ((lost_ms) * 9 / 10)
#define SUPERVISOR_LAG(lost_ms) ((lost_ms) / 40)
#define ENGINE_SILENT_MS LOST_AFTER_MS   /* of an engine, after which its containers are lost */
/* A container that runs so long beyond limit and grace is taken from its worker, as is an attempt that
 * gets on with neither staging nor collecting: more than PULL_TIMEOUT_MS, and 1 ms more for so many
 * bytes to unpack or pack. */
#define REVOKE_AFTER_MS 30000
#define REVOKE_STALLED_MS (15 * 60 * 1000)
#define REVOKE_BYTES_PER_MS (4 * KiB)
#define ATTEMPTS_MAX 1024                /* at once on one worker */
#define LOSSES_MAX 5                     /* attempts lost with their worker that are followed by another, */
#define LOSSES_ONE_OWNER_MAX 20          /* and when all these workers are one owner's */
#define LOST_BY_MAX 8                    /* workers that are remembered to have lost a task */
#define JOURNAL_RECORD_MAX (2 * MESSAGE_MAX) /* what a worker has written down of one attempt */
#define RESULT_KEPT_MS (24 * 3600 * 1000ll) /* a worker keeps what its pool has not taken for so long, */
#define RESULTS_KEPT_MAX (10 * GiB)      /* and so much of it while there is no pool */

/* --- keys, certificates and TLS ------------------------------------------------------------- */
#define SECRET_FILE_MAX (256 * KiB)      /* a key, a chain, the list of known pools */
#define CERTIFICATE_NAMES_MAX 32         /* host names and addresses of one certificate */
#define CERTIFICATE_CHAIN_MAX 8          /* certificates one peer may send */
/* encrypted and unsent: no more is taken; one record above is 64 KiB */
#define TLS_QUEUE_HIGH (47 * KiB)
/* after something moved, memory of a quiet connection is given back */
#define TLS_REST_MS 5000
#define TLS_SESSION_MS (12ll * 3600 * 1000) /* after it a client checks the certificate again */

/* --- time ----------------------------------------------------------------------------------- */
#define CONNECT_TIMEOUT_MS 10000
#define PEER_TIMEOUT_MS 10000            /* bytes sent and not acknowledged by the peer's kernel */
#define RETRANSMIT_MAX_MS 1000           /* between two tries to send what the peer has not acknowledged */
#define UNSENT_BYTES (128 * KiB)           /* taken by the system for one TCP peer and not yet sent */
#define OPENING_TIMEOUT_MS 5000          /* from accept to the first SETTINGS of the peer, TLS included */
#define HEADERS_TIMEOUT_MS 10000         /* from the first byte of a block of fields to its last */
#define FRAME_TIMEOUT_MS 30000           /* any other frame */
#define BODY_TIMEOUT_MS 30000            /* a stranger that owes the rest of a request sends some of it */
#define STRANGER_IDLE_MS 60000           /* a stranger of another machine without a call */
#define STALL_TIMEOUT_MS 30000           /* answers wait and the peer takes less than STALL_BYTES of them; */
#define STALL_KNOWN_MS (10 * 60 * 1000)  /* one with a token may pause what it reads: less -F of a log */
#define STALL_BYTES 1024
#define PATROL_SLICE_MS 10               /* of ending those that are late, before others are heard again */
#define PATROL_MS 250                    /* how often these are looked at */
#define KEEPALIVE_S 30                   /* an idle connection is asked whether it is still there */
#define REDIS_TIMEOUT_MS 2000            /* one command; after it the outcome is unknown */
#define UPLOAD_IDLE_MS (10 * 60 * 1000)  /* an unfinished upload is forgotten after this */
#define PULL_TIMEOUT_MS (10 * 60 * 1000)

#endif
