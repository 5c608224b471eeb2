/* test/bench/grpc_peer.cc - test.Echo on grpc++: Unary with its asynchronous interface, which is its fastest
 * (one completion queue, one thread), the streams with callbacks.
 *
 *     grpc_peer [CERT KEY]      prints its port, serves until it is killed */
#include <grpcpp/grpcpp.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>

#include "echo.grpc.pb.h"

using grpc::Status;
using test::Item;

/* --- streams --------------------------------------------------------------------------------------- */

using test::Echo;
using CallbackStreams = Echo::WithCallbackMethod_Chat<
    Echo::WithCallbackMethod_Collect<Echo::WithCallbackMethod_Repeat<Echo::Service>>>;

class Streams : public CallbackStreams
{
	/* Each message back. */
	class Chatter : public grpc::ServerBidiReactor<Item, Item>
	{
	public:
		Chatter()
		{
			StartRead(&item);
		}
		void OnReadDone(bool ok) override
		{
			ok ? StartWrite(&item) : Finish(Status::OK);
		}
		void OnWriteDone(bool ok) override
		{
			if (ok)
				StartRead(&item);
		}
		void OnDone() override
		{
			delete this;
		}

	private:
		Item item;
	};

	/* The sum of what came. */
	class Collector : public grpc::ServerReadReactor<Item>
	{
	public:
		explicit Collector(Item *reply) : reply(reply)
		{
			StartRead(&item);
		}
		void OnReadDone(bool ok) override
		{
			if (!ok) {
				Finish(Status::OK);
				return;
			}
			reply->set_size(reply->size() + item.data().size());
			StartRead(&item);
		}
		void OnDone() override
		{
			delete this;
		}

	private:
		Item item, *reply;
	};

	/* The same message many times. */
	class Repeater : public grpc::ServerWriteReactor<Item>
	{
	public:
		explicit Repeater(const Item &request) : left(request.size())
		{
			item.set_data(request.data());
			OnWriteDone(true);
		}
		void OnWriteDone(bool ok) override
		{
			if (!ok || left == 0) {
				Finish(Status::OK);
				return;
			}
			left--;
			StartWrite(&item);
		}
		void OnDone() override
		{
			delete this;
		}

	private:
		Item item;
		uint64_t left;
	};

	grpc::ServerBidiReactor<Item, Item> *Chat(grpc::CallbackServerContext *) override
	{
		return new Chatter;
	}
	grpc::ServerReadReactor<Item> *Collect(grpc::CallbackServerContext *, Item *reply) override
	{
		return new Collector(reply);
	}
	grpc::ServerWriteReactor<Item> *Repeat(grpc::CallbackServerContext *, const Item *request) override
	{
		return new Repeater(*request);
	}
};

using Service = Echo::WithAsyncMethod_Unary<Streams>;

/* --- unary ----------------------------------------------------------------------------------------- */

struct Unary {
	Unary(Service *service, grpc::ServerCompletionQueue *queue) : answer(&context)
	{
		service->RequestUnary(&context, &item, &answer, queue, queue, this);
	}

	grpc::ServerContext context;
	Item item;
	grpc::ServerAsyncResponseWriter<Item> answer;
	bool answered = false;
};

static void serve_unary(Service *service, grpc::ServerCompletionQueue *queue)
{
	void *tag;
	bool ok;

	for (int i = 0; i < 1000; i++)
		new Unary(service, queue);
	while (queue->Next(&tag, &ok)) {
		Unary *call = static_cast<Unary *>(tag);

		if (!ok || call->answered) {
			delete call;
			continue;
		}
		call->answered = true;
		new Unary(service, queue);
		call->answer.Finish(call->item, Status::OK, call);
	}
}

static std::string content(const char *path)
{
	std::ostringstream text;

	text << std::ifstream(path).rdbuf();
	return text.str();
}

static std::shared_ptr<grpc::ServerCredentials> credentials(int argc, char **argv)
{
	grpc::SslServerCredentialsOptions options;

	if (argc < 3)
		return grpc::InsecureServerCredentials();
	options.pem_key_cert_pairs.push_back({content(argv[2]), content(argv[1])});
	return grpc::SslServerCredentials(options);
}

int main(int argc, char **argv)
{
	grpc::ServerBuilder builder;
	Service service;
	int port;

	builder.AddListeningPort("127.0.0.1:0", credentials(argc, argv), &port);
	builder.RegisterService(&service);
	auto queue = builder.AddCompletionQueue();
	auto server = builder.BuildAndStart();
	printf("%d\n", port);
	fflush(stdout);
	serve_unary(&service, queue.get());
}
