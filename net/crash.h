/* net/crash.h - the places at which a test lets this process die, to
 * see what the next one makes of what it left.
 *
 *     HIVEMIND_CRASH=POINT:N       the Nth time that this process comes to POINT, it gets SIGKILL
 *     HIVEMIND_CRASH=POINT:N:PID   not this process, but PID (its Redis, its engine); this one goes on
 *     HIVEMIND_CRASH=list          print the points and what each of them means, and end
 *
 * Without the variable a point is one comparison. test/crash/run.py kills at each point, at the
 * first time that it is passed, the second, ... until a run is not hit any more. A new point is
 * a row here and crash_point() where it is. */
#ifndef NET_CRASH_H
#define NET_CRASH_H

/*    id                     name                     what has just happened */
#define CRASH_POINTS(X) \
	X(CLIENT_CALL_SENT,      "client.call.sent",      "a call is on its way") \
	X(CLIENT_UPLOAD_PIECE,   "client.upload.piece",   "a piece of the bundle is on its way") \
	X(CLIENT_UPLOAD_DONE,    "client.upload.done",    "the pool has the bundle") \
	X(CLIENT_SUBMIT_READY,   "client.submit.ready",   "the id of the submission is made, and not sent") \
	X(CLIENT_SUBMIT_ANSWERED, "client.submit.answered", "the task's id is here, and not printed") \
	X(CLIENT_RESULT_PIECE,   "client.result.piece",   "a piece of the result is in the file") \
	X(CLIENT_RESULT_HERE,    "client.result.here",    "the whole result is in the partial file") \
	X(CLIENT_GIFT_ANSWERED,  "client.gift.answered",  "a transfer is done, and nobody was told") \
	X(POOL_START_REDIS,      "pool.start.redis",      "Redis answers") \
	X(POOL_START_INDEX,      "pool.start.index",      "the live tasks have been read") \
	X(POOL_START_READY,      "pool.start.ready",      "whoever started it was told so") \
	X(POOL_STOP,             "pool.stop",             "it was told to go down") \
	X(POOL_LEAD_ASKED,       "pool.lead.asked",       "it asks Redis for the lead") \
	X(POOL_LEAD_TAKEN,       "pool.lead.taken",       "it leads in Redis, and has opened nothing") \
	X(POOL_LEAD_HOME,        "pool.lead.home",        "it has opened its directory, and read nothing of Redis") \
	X(POOL_LEAD_RESIGNING,   "pool.lead.resigning",   "it asks Redis to let it go") \
	X(POOL_LEAD_RESIGNED,    "pool.lead.resigned",    "nobody leads, and it is not down") \
	X(POOL_STANDBY_LOOKS,    "pool.standby.looks",    "another leads, and this one looks again") \
	X(POOL_MARK_WRITTEN,     "pool.mark.written",     "the ledger's high-water mark is in its new file") \
	X(POOL_MARK_RENAMED,     "pool.mark.renamed",     "and that bears its name") \
	X(POOL_REGISTER_DONE,    "pool.register.done",    "an account is in Redis, its owner has no token") \
	X(POOL_BLOB_PIECE,       "pool.blob.piece",       "a piece of a blob is in its file") \
	X(POOL_BLOB_SYNCED,      "pool.blob.synced",      "the whole blob is on the disk, without its name") \
	X(POOL_BLOB_RENAMED,     "pool.blob.renamed",     "it has its name, which is not safe") \
	X(POOL_BLOB_SAFE,        "pool.blob.safe",        "it is safe, and Redis does not know") \
	X(POOL_BLOB_RECORDED,    "pool.blob.recorded",    "Redis knows, its sender does not") \
	X(POOL_SUBMIT_ASKED,     "pool.submit.asked",     "a submission goes to Redis") \
	X(POOL_SUBMIT_DONE,      "pool.submit.done",      "it is in Redis, its client does not know") \
	X(POOL_SUBMIT_ANSWERED,  "pool.submit.answered",  "the answer is on its way") \
	X(POOL_HELLO_HEARD,      "pool.hello.heard",      "a worker greets") \
	X(POOL_HELLO_RECORDED,   "pool.hello.recorded",   "Redis knows it, it does not know") \
	X(POOL_HELLO_ANSWERED,   "pool.hello.answered",   "verdicts are on their way") \
	X(POOL_LEASE_DONE,       "pool.lease.done",       "a lease is in Redis, its worker does not know") \
	X(POOL_LEASE_SENT,       "pool.lease.sent",       "the lease is on its way") \
	X(POOL_PHASE_HEARD,      "pool.phase.heard",      "the worker has begun a phase, Redis does not know") \
	X(POOL_PHASE_DONE,       "pool.phase.done",       "Redis knows the phase") \
	X(POOL_LOG_HEARD,        "pool.log.heard",        "output has come, and is not in its file") \
	X(POOL_LOG_WRITTEN,      "pool.log.written",      "it is in the file") \
	X(POOL_TICK_DONE,        "pool.tick.done",        "money has gone from the hold to the worker's pending") \
	X(POOL_DONE_HEARD,       "pool.done.heard",       "the worker has reported the end") \
	X(POOL_DONE_DONE,        "pool.done.done",        "the task has settled, its worker does not know") \
	X(POOL_DONE_ANSWERED,    "pool.done.answered",    "Stored is on its way") \
	X(POOL_LOSS_NOTED,       "pool.loss.noted",       "Redis hears that a worker went, its tasks are still its") \
	X(POOL_RETURN_ASKED,     "pool.return.asked",     "one of its tasks goes back") \
	X(POOL_RETURN_DONE,      "pool.return.done",      "it is in the queue again") \
	X(POOL_STOP_DONE,        "pool.stop.done",        "a task is STOPPED in Redis, its worker does not know") \
	X(POOL_REMOVE_DONE,      "pool.remove.done",      "a task is gone from Redis, its files are there") \
	X(POOL_SWEEP_FORGOT,     "pool.sweep.forgot",     "Redis has forgotten blobs whose files are there") \
	X(POOL_GIFT_DONE,        "pool.gift.done",        "a transfer is done, its giver does not know") \
	X(WORKER_JOURNAL_BESIDE, "worker.journal.beside", "a record is written, beside the one that counts") \
	X(WORKER_JOURNAL_NAMED,  "worker.journal.named",  "it is the one that counts") \
	X(WORKER_JOURNAL_GONE,   "worker.journal.gone",   "a record is deleted, the files of its attempt are there") \
	X(WORKER_SPOOL_MADE,     "worker.spool.made",     "the file for its output is there, and empty") \
	X(WORKER_SPOOL_WRITTEN,  "worker.spool.written",  "what it has printed is in the file, and not on its way") \
	X(WORKER_KEPT_SYNCING,   "worker.kept.syncing",   "a result that nobody takes is about to be brought to the disk") \
	X(WORKER_KEPT_SYNCED,    "worker.kept.synced",    "it is safe there") \
	X(WORKER_GIVE_BACK_SENT, "worker.give-back.sent", "a task on its way back to the pool") \
	X(WORKER_LEAVE_SENT,     "worker.leave.sent",     "it has said goodbye") \
	X(WORKER_RESTORE_READ,   "worker.restore.read",   "the journal has been read") \
	X(WORKER_RESTORE_SWEPT,  "worker.restore.swept",  "files with which nobody goes on are deleted") \
	X(WORKER_RESTORE_MADE,   "worker.restore.made",   "an attempt of the process before is here again") \
	X(WORKER_RESTORE_GOES_ON, "worker.restore.goes-on", "it goes on") \
	X(WORKER_ADOPT_LOOKED,   "worker.adopt.looked",   "the engine has said how its container stands") \
	X(WORKER_ADOPT_RUNS,     "worker.adopt.runs",     "it runs, and will be heard to its end") \
	X(WORKER_ADOPT_ENDED,    "worker.adopt.ended",    "it has ended while nobody heard it") \
	X(WORKER_ADOPT_LOG,      "worker.adopt.log",      "what it printed meanwhile is read from the engine") \
	X(WORKER_START_HOME,     "worker.start.home",     "its directories have been looked through") \
	X(WORKER_START_SWEPT,    "worker.start.swept",    "the engine has been looked through") \
	X(WORKER_START_LINKED,   "worker.start.linked",   "the pool has welcomed it") \
	X(WORKER_LEASE_HEARD,    "worker.lease.heard",    "a lease has come") \
	X(WORKER_LEASE_BEGUN,    "worker.lease.begun",    "its attempt has begun") \
	X(WORKER_BUNDLE_PIECE,   "worker.bundle.piece",   "a piece of the bundle is here") \
	X(WORKER_BUNDLE_HERE,    "worker.bundle.here",    "the whole bundle is here") \
	X(WORKER_FILES_MADE,     "worker.files.made",     "the scratch directory is there, and empty") \
	X(WORKER_FILES_PUT,      "worker.files.put",      "it holds the bundle") \
	X(WORKER_IMAGE_ASKED,    "worker.image.asked",    "the engine looks for the image") \
	X(WORKER_CREATE_ASKED,   "worker.create.asked",   "it is asked for a container") \
	X(WORKER_CREATED,        "worker.created",        "there is a container") \
	X(WORKER_ATTACHED,       "worker.attached",       "output and end of it will be heard") \
	X(WORKER_START_ASKED,    "worker.start.asked",    "the engine is asked to start it") \
	X(WORKER_STARTED,        "worker.started",        "it runs") \
	X(WORKER_OUTPUT,         "worker.output",         "it has printed something") \
	X(WORKER_LOOK_ASKED,     "worker.look.asked",     "the engine is asked how it stands") \
	X(WORKER_EXITED,         "worker.exited",         "it has ended") \
	X(WORKER_PACKING,        "worker.packing",        "its output is about to be packed") \
	X(WORKER_PACKED,         "worker.packed",         "the result is in one file") \
	X(WORKER_RESULT_PIECE,   "worker.result.piece",   "a piece of it is on its way") \
	X(WORKER_RESULT_SENT,    "worker.result.sent",    "the pool has it") \
	X(WORKER_DONE_SENT,      "worker.done.sent",      "Done is on its way") \
	X(WORKER_DONE_STORED,    "worker.done.stored",    "the pool has settled, nothing is cleaned up") \
	X(WORKER_REMOVE_ASKED,   "worker.remove.asked",   "the engine is asked to remove the container") \
	X(WORKER_REMOVED,        "worker.removed",        "the container is gone") \
	X(WORKER_FILES_REMOVED,  "worker.files.removed",  "the files are gone") \
	X(SUPERVISOR_JOINED,     "supervisor.joined",     "it shares the leash with its worker") \
	X(SUPERVISOR_ALONE,      "supervisor.alone",      "its worker is dead, what that ran goes on") \
	X(SUPERVISOR_PAUSE_ASKED, "supervisor.pause.asked", "the engine is asked to pause a container") \
	X(SUPERVISOR_PAUSED,     "supervisor.paused",     "it is paused, which is not noted") \
	X(SUPERVISOR_KILLED,     "supervisor.killed",     "its process has got SIGKILL, the engine was not asked") \
	X(SUPERVISOR_KILL_ASKED, "supervisor.kill.asked", "the engine is asked to kill it") \
	X(MASTER_KEY_WRITTEN,    "master.key.written",    "the key for programs is in its file") \
	X(MASTER_BUNDLE_PIECE,   "master.bundle.piece",   "a piece of a bundle goes on to the pool") \
	X(MASTER_BUNDLE_STORED,  "master.bundle.stored",  "the pool has the bundle, the browser does not know") \
	X(MASTER_SUBMIT_READY,   "master.submit.ready",   "a submission is about to go to the pool") \
	X(MASTER_SUBMIT_SENT,    "master.submit.sent",    "it is on its way") \
	X(MASTER_SUBMIT_ANSWERED, "master.submit.answered", "the task is in the queue, the browser does not know") \
	X(MASTER_RESULT_PIECE,   "master.result.piece",   "a piece of the result goes on to the browser")

enum crash_id {
#define ID(id, name, what) CRASH_##id,
	CRASH_POINTS(ID)
#undef ID
	CRASH_COUNT
};

extern int crash_armed; /* the point that kills; -1 = none */

void crash_hit(void);

/* This process is at that point. Also on other threads. */
#define crash_point(id) ((void)(crash_armed == CRASH_##id ? crash_hit() : (void)0))

/* At the start of the process: read HIVEMIND_CRASH. -1 = go on, else the exit code to end with at once. */
int crash_arm(void);

#endif
