using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Sidecar.Relabeling;

namespace Sidecar.Tests.Relabeling;

/// <summary>The actions as Prometheus's model/relabel has them; rules as YAML users would write them, in JSON.</summary>
public sealed class RelabelRuleTests
{
    [Theory]
    // replace, with its defaults: the whole value, under another name.
    [InlineData("""{"source_labels":["a"],"target_label":"b"}""", "a=1", "a=1 b=1")]
    [InlineData("""{"source_labels":["a"],"target_label":"b"}""", "c=1", "c=1")]
    [InlineData("""{"source_labels":["a"],"target_label":"b"}""", "b=old", "")]
    [InlineData("""{"target_label":"b","replacement":"x"}""", "a=1", "a=1 b=x")]
    [InlineData("""{"target_label":"a","replacement":""}""", "a=1 b=2", "b=2")]
    [InlineData("""{"target_label":"a","replacement":null}""", "a=1 b=2", "b=2")]
    [InlineData("""{"target_label":"a","replacement":5}""", "a=1", "a=5")]
    [InlineData("""{"target_label":"a","replacement":true}""", "", "a=true")]
    [InlineData("""{"source_labels":["a","b"],"target_label":"c"}""", "a=1 b=2", "a=1 b=2 c=1;2")]
    [InlineData("""{"source_labels":["a","b"],"separator":"-","target_label":"c"}""", "a=1 b=2", "a=1 b=2 c=1-2")]
    [InlineData("""{"source_labels":["a","b"],"separator":"","target_label":"c"}""", "a=1 b=2", "a=1 b=2 c=12")]
    [InlineData("""{"source_labels":["a","b","c"],"target_label":"d"}""", "b=2", "b=2 d=;2;")]
    [InlineData("""{"source_labels":["a"],"regex":"f(.*)","target_label":"d","replacement":"ch${1}-ch${1}"}""", "a=foo b=bar",
        "a=foo b=bar d=choo-choo")]
    [InlineData("""{"source_labels":["a","b"],"regex":"f(.*);(.*)r","target_label":"a","replacement":"b${1}${2}m"}""", "a=foo b=bar c=baz",
        "a=boobam b=bar c=baz")]
    [InlineData("""{"source_labels":["a"],"regex":"b(.*)","target_label":"b","replacement":"x"}""", "a=foo", "a=foo")]
    [InlineData("""{"source_labels":["a"],"regex":"foo","target_label":"a","replacement":""}""", "a=foo b=1", "b=1")]
    [InlineData("""{"source_labels":["a"],"regex":"(f).*","target_label":"${1}oo","replacement":"x"}""", "a=foo", "a=foo foo=x")]
    [InlineData("""{"source_labels":["a"],"regex":"(\\w+)=(\\w+)","target_label":"$1","replacement":"$2"}""", "a=k=v", "a=k=v k=v")]
    // any UTF-8 is a name
    [InlineData("""{"source_labels":["a"],"regex":"(.*)","target_label":"${1}","replacement":"x"}""", "a=é-ö.ü", "a=é-ö.ü é-ö.ü=x")]
    [InlineData("""{"source_labels":["a"],"regex":"(x?).*","target_label":"$1","replacement":"x"}""", "a=foo", "a=foo")] // no name: nothing
    [InlineData("""{"source_labels":["a"],"regex":"(x?).*","target_label":"a","replacement":"$1"}""", "a=foo b=1", "b=1")] // empty: gone
    [InlineData("""{"source_labels":["a"],"target_label":"b.c"}""", "a=1", "a=1 b.c=1")]
    [InlineData("""{"source_labels":["a"],"regex":"([^:]+)(?::\\d+)?","target_label":"a","replacement":"$1:80"}""", "a=host:90",
        "a=host:80")]
    [InlineData("""{"source_labels":["a"],"regex":"","target_label":"b","replacement":"none"}""", "c=1", "b=none c=1")]
    [InlineData("""{"source_labels":["a"],"regex":null,"target_label":"b","replacement":"none"}""", "a=1", "a=1")]
    // Templates, as Go expands them.
    [InlineData("""{"source_labels":["a"],"regex":"(.)(.)","target_label":"b","replacement":"$2$1"}""", "a=xy", "a=xy b=yx")]
    // the group named 1x
    [InlineData("""{"source_labels":["a"],"regex":"(.)(.)","target_label":"b","replacement":"$1x"}""", "a=xy", "a=xy")]
    [InlineData("""{"source_labels":["a"],"regex":"(.)(.)","target_label":"b","replacement":"${1}x"}""", "a=yz", "a=yz b=yx")]
    [InlineData("""{"source_labels":["a"],"regex":"(.)(.)","target_label":"b","replacement":"$1_x"}""", "a=yz", "a=yz")]
    [InlineData("""{"source_labels":["a"],"regex":"(.)(.)","target_label":"b","replacement":"$1-x"}""", "a=yz", "a=yz b=y-x")]
    [InlineData("""{"source_labels":["a"],"regex":"(?P<n>.)(.)","target_label":"b","replacement":"$n.${n}"}""", "a=yz", "a=yz b=y.y")]
    [InlineData("""{"source_labels":["a"],"regex":"(?P<n>.)(.)","target_label":"b","replacement":"-$missing-"}""", "a=yz", "a=yz b=--")]
    [InlineData("""{"source_labels":["a"],"regex":"(.)(.)","target_label":"b","replacement":"-$3-$9-"}""", "a=yz", "a=yz b=---")]
    [InlineData("""{"source_labels":["a"],"regex":"(.)(.)","target_label":"b","replacement":"$0"}""", "a=yz", "a=yz b=yz")]
    [InlineData("""{"source_labels":["a"],"regex":"(.)(.)","target_label":"b","replacement":"-$01-"}""", "a=yz", "a=yz b=--")]
    [InlineData("""{"source_labels":["a"],"regex":"(.)(.)","target_label":"b","replacement":"$$1"}""", "a=yz", "a=yz b=$1")]
    [InlineData("""{"source_labels":["a"],"regex":"(.)(.)","target_label":"b","replacement":"1$"}""", "a=yz", "a=yz b=1$")]
    [InlineData("""{"source_labels":["a"],"regex":"(.)(.)","target_label":"b","replacement":"$-${-${1"}""", "a=yz", "a=yz b=$-${-${1")]
    [InlineData("""{"source_labels":["a"],"regex":"(.)(.)","target_label":"b","replacement":"$1é"}""", "a=yz", "a=yz")] // é is a letter
    [InlineData("""{"source_labels":["a"],"regex":"(a)|(y.)","target_label":"b","replacement":"[$1]$2"}""", "a=yz", "a=yz b=[]yz")]
    [InlineData("""{"source_labels":["a"],"target_label":"b","replacement":"x$1y$1z"}""", "a=1", "a=1 b=x")] // no groups 1y and 1z
    // Of two groups with one name, the first that has matched.
    [InlineData("""{"source_labels":["a"],"regex":"(?P<n>x)|y(?P<n>.)","target_label":"b","replacement":"<$n>"}""", "a=x", "a=x b=<x>")]
    [InlineData("""{"source_labels":["a"],"regex":"(?P<n>x)|y(?P<n>.)","target_label":"b","replacement":"<$n>"}""", "a=yz", "a=yz b=<z>")]
    [InlineData("""{"source_labels":["a"],"regex":"(?P<n>x)|y(?P<n>.)","target_label":"b","replacement":"<$1>"}""", "a=yz", "a=yz b=<>")]
    [InlineData("""{"source_labels":["a"],"regex":"(?P<n>x*)y(?P<n>.)","target_label":"b","replacement":"$n"}""", "a=yz b=1", "a=yz")]
    // keep and drop.
    [InlineData("""{"source_labels":["a"],"regex":"foo","action":"keep"}""", "a=foo", "a=foo")]
    [InlineData("""{"source_labels":["a"],"regex":"foo","action":"keep"}""", "a=foox", "dropped")]
    [InlineData("""{"source_labels":["a"],"regex":"foo","action":"keep"}""", "b=foo", "dropped")]
    [InlineData("""{"source_labels":["a"],"regex":".*o.*","action":"drop"}""", "a=foo", "dropped")]
    [InlineData("""{"source_labels":["a"],"regex":"f","action":"drop"}""", "a=foo", "a=foo")]
    [InlineData("""{"source_labels":["a"],"action":"drop"}""", "b=1", "dropped")] // the default matches the empty text
    [InlineData("""{"source_labels":["a"],"regex":".+","action":"keep"}""", "b=1", "dropped")]
    [InlineData("""{"action":"keep","regex":"x"}""", "a=1", "dropped")]
    [InlineData("""{"action":"Keep","source_labels":["a"],"regex":1}""", "a=1", "a=1")]
    [InlineData("""{"source_labels":["__meta_kubernetes_namespace","__meta_kubernetes_service_name","__meta_kubernetes_endpoint_port_name"],"action":"keep","regex":"default;kubernetes;https"}""",
        "__meta_kubernetes_namespace=default __meta_kubernetes_service_name=kubernetes __meta_kubernetes_endpoint_port_name=https",
        "__meta_kubernetes_endpoint_port_name=https __meta_kubernetes_namespace=default __meta_kubernetes_service_name=kubernetes")]
    // keepequal and dropequal.
    [InlineData("""{"source_labels":["a"],"target_label":"b","action":"keepequal"}""", "a=1 b=1", "a=1 b=1")]
    [InlineData("""{"source_labels":["a"],"target_label":"b","action":"keepequal"}""", "a=1 b=2", "dropped")]
    [InlineData("""{"source_labels":["a"],"target_label":"b","action":"keepequal"}""", "c=1", "c=1")]
    [InlineData("""{"source_labels":["a"],"target_label":"b","action":"dropequal"}""", "a=1 b=1", "dropped")]
    [InlineData("""{"source_labels":["a"],"target_label":"b","action":"dropequal"}""", "a=1 b=2", "a=1 b=2")]
    [InlineData("""{"source_labels":["a","b"],"target_label":"c","action":"dropequal"}""", "a=1 b=2 c=1;2", "dropped")]
    [InlineData("""{"source_labels":["a"],"target_label":"$1","action":"keepequal"}""", "a=1 $1=1", "$1=1 a=1")] // no template here
    // hashmod: figures of Prometheus's own tests and of any MD5.
    [InlineData("""{"source_labels":["c"],"target_label":"d","separator":";","action":"hashmod","modulus":1000}""", "a=foo b=bar c=baz",
        "a=foo b=bar c=baz d=976")]
    [InlineData("""{"source_labels":["c"],"target_label":"d","separator":";","action":"hashmod","modulus":"1000"}""",
        "a=foo b=bar c=foo\nbar", "a=foo b=bar c=foo\nbar d=734")]
    [InlineData("""{"source_labels":["a"],"target_label":"d","action":"hashmod","modulus":1}""", "", "d=0")]
    [InlineData("""{"source_labels":["a"],"target_label":"d","action":"hashmod","modulus":18446744073709551615}""", "",
        "d=16825458760271544958")]
    // labelmap.
    [InlineData("""{"regex":"(b.*)","replacement":"bar_${1}","action":"labelmap"}""", "a=foo b1=bar b2=baz",
        "a=foo b1=bar b2=baz bar_b1=bar bar_b2=baz")]
    [InlineData("""{"regex":"__meta_(my.*)","action":"labelmap"}""", "a=foo __meta_my_bar=aaa __meta_my_baz=bbb __meta_other=ccc",
        "__meta_my_bar=aaa __meta_my_baz=bbb __meta_other=ccc a=foo my_bar=aaa my_baz=bbb")]
    [InlineData("""{"regex":"(.)_.*","action":"labelmap"}""", "a_1=x a_2=y", "a=y a_1=x a_2=y")] // the last one wins
    [InlineData("""{"regex":"a","replacement":"b","action":"labelmap"}""", "a=1 b=2", "a=1 b=1")]
    [InlineData("""{"regex":"(a|b)","replacement":"b","action":"labelmap"}""", "a=1 b=2", "a=1 b=2")]
    [InlineData("""{"regex":"a(x?)","action":"labelmap"}""", "a=1", "a=1")] // no name: nothing
    // labeldrop and labelkeep.
    [InlineData("""{"regex":"b.*","action":"labeldrop"}""", "a=1 b1=2 b2=3 cb=4", "a=1 cb=4")]
    [InlineData("""{"regex":"b.*","action":"labelkeep"}""", "a=1 b1=2 b2=3", "b1=2 b2=3")]
    [InlineData("""{"action":"labelkeep","regex":"x"}""", "a=1", "")]
    [InlineData("""{"action":"labeldrop"}""", "a=1", "")]
    // lowercase and uppercase, rune by rune.
    [InlineData("""{"source_labels":["a"],"target_label":"b","action":"lowercase"}""", "a=GeT", "a=GeT b=get")]
    [InlineData("""{"source_labels":["a"],"target_label":"b","action":"uppercase"}""", "a=GeT", "a=GeT b=GET")]
    [InlineData("""{"source_labels":["a","c"],"target_label":"a","action":"uppercase"}""", "a=x c=y", "a=X;Y c=y")]
    [InlineData("""{"source_labels":["a"],"target_label":"b","action":"uppercase"}""", "a=straße-éж", "a=straße-éж b=STRAßE-ÉЖ")]
    [InlineData("""{"source_labels":["a"],"target_label":"b","action":"lowercase"}""", "a=ÉЖİK", "a=ÉЖİK b=éжik")]
    [InlineData("""{"source_labels":["a"],"target_label":"b","action":"uppercase"}""", "a=ıſɐ", "a=ıſɐ b=ISⱯ")]
    [InlineData("""{"source_labels":["a"],"target_label":"b","action":"lowercase"}""", "b=x", "")]
    // Several rules.
    [InlineData("""{"source_labels":["a"],"target_label":"__tmp","replacement":"t"},{"source_labels":["__tmp"],"target_label":"b"},{"regex":"__tmp","action":"labeldrop"}""", "a=1", "a=1 b=t")]
    [InlineData("""{"source_labels":["a"],"regex":"1","target_label":"a","replacement":"2"},{"source_labels":["a"],"regex":"1","action":"drop"}""", "a=1", "a=2")]
    [InlineData("""{"source_labels":["a"],"regex":"1","action":"drop"},{"target_label":"b","replacement":"x"}""", "a=1", "dropped")]
    [InlineData("""{"source_labels":["a"],"target_label":"a","replacement":""},{"source_labels":["a"],"regex":"","action":"keep"}""",
        "a=1 b=2", "b=2")]
    [InlineData("[]", "a=1", "a=1")]
    public void Labels_become(string rules, string before, string after) => Assert.Equal(after, Rules.Apply(Rules.Parse(rules), before));

    /// <summary>The order of Prometheus's labels.Builder: what rules set stands behind what was there.</summary>
    [Fact]
    public void Labelmap_takes_what_rules_set_last()
    {
        const string Rule = """{"target_label":"x_1","replacement":"new"},{"regex":"x_.*","replacement":"x","action":"labelmap"}""";
        Assert.Equal("x=new x_1=new x_2=b", Rules.Apply(Rules.Parse(Rule), "x_1=a x_2=b"));
    }

#pragma warning disable CA5351 // MD5 is what Prometheus uses
    [Fact]
    public void Hashmod_is_MD5()
    {
        var random = new Random(1);
        for (var length = 0; length < 300; length++)
        {
            var value = new byte[length];
            random.NextBytes(value);
            Assert.Equal(BinaryPrimitives.ReadUInt64BigEndian(MD5.HashData(value).AsSpan(8)), HashMod.Hash(value));
        }
    }
#pragma warning restore CA5351

    [Theory]
    [InlineData("""{"source_labels":["a"],"regex":"x|y","action":"keep"}""", "a", "x y")]
    [InlineData("""{"source_labels":["a"],"regex":"x.*","action":"keep"}""", "a", null)]
    [InlineData("""{"source_labels":["a"],"regex":"x","action":"drop"}""", "a", null)]
    [InlineData("""{"source_labels":["b","a","c"],"regex":"1;2;3","action":"keep"}""", "a", "2")]
    [InlineData("""{"source_labels":["b","a","c"],"regex":"1;(2|4);3","action":"keep"}""", "a", "2 4")]
    [InlineData("""{"source_labels":["b","a"],"regex":"1;2;3","action":"keep"}""", "a", null)]
    [InlineData("""{"source_labels":["b","a"],"regex":"12","separator":"","action":"keep"}""", "a", null)]
    [InlineData("""{"source_labels":["a"],"regex":"x|y","action":"keep"},{"source_labels":["a"],"regex":"y|z","action":"keep"}""", "a",
        "y")]
    [InlineData("""{"target_label":"a","replacement":"x"},{"source_labels":["a"],"regex":"x","action":"keep"}""", "a", null)]
    [InlineData("""{"regex":"__(.*)","action":"labelmap"},{"source_labels":["a"],"regex":"x","action":"keep"}""", "a", null)]
    [InlineData("""{"target_label":"b","replacement":"x"},{"source_labels":["a"],"regex":"x","action":"keep"}""", "a", "x")]
    [InlineData("""{"source_labels":["b"],"regex":"x","action":"keep"}""", "a", null)]
    [InlineData("[]", "a", null)]
    public void What_keep_rules_demand_of_a_label_is_known(string rules, string label, string? literals)
    {
        var kept = Rules.Parse(rules).LiteralsKept(label);
        Assert.Equal(literals, kept is null ? null : string.Join(' ', kept));
    }

    [Theory]
    [InlineData("""{"source_labels":["__meta_kubernetes_service_label_app"],"target_label":"app"}""", true)]
    [InlineData("""{"action":"labelmap","regex":"__meta_kubernetes_service_label_(.+)"}""", true)]
    [InlineData("""{"action":"labelmap","regex":"__meta_kubernetes_(.+)_label_(.+)"}""", true)]
    [InlineData("""{"action":"labelmap","regex":"__meta_kubernetes_node_(.+)"}""", false)]
    [InlineData("""{"action":"labeldrop","regex":".*"}""", false)]
    [InlineData("""{"action":"keepequal","source_labels":["a"],"target_label":"__meta_kubernetes_service_label_app"}""", true)]
    [InlineData("""{"source_labels":["__meta_kubernetes_service_name"],"target_label":"app"}""", false)]
    [InlineData("[]", false)]
    public void Whether_rules_read_labels_of_the_Service_is_known(string rules, bool reads) =>
        Assert.Equal(reads, Rules.Parse(rules).Reads("__meta_kubernetes_service_label_"));

    [Fact]
    public void Nothing_is_allocated_once_warm()
    {
        var rules = Rules.Parse("""
            [{"source_labels":["a","b"],"regex":"f(.*);(.*)r","target_label":"c","replacement":"b${1}${2}m"},
             {"source_labels":["a"],"regex":".*x.*","action":"drop"},
             {"source_labels":["a"],"target_label":"d","action":"hashmod","modulus":8},
             {"source_labels":["a"],"target_label":"e","action":"uppercase"},
             {"regex":"(.)","replacement":"copy_$1","action":"labelmap"},
             {"regex":"copy_a","action":"labeldrop"}]
            """);
        var pass = new RelabelPass(rules);
        var set = new LabelSet();
        var (a, b, value) = (Whole("a"), Whole("b"), Whole("foobar"));
        for (var i = 0; i < 10; i++)
            Pass();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
            Pass();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Pass()
        {
            set.Clear();
            set.Fill(a, value);
            set.Fill(b, value);
            Assert.True(pass.Apply(set));
        }

        static Text Whole(string text) => new(Encoding.UTF8.GetBytes(text), 0, text.Length);
    }
}
