System.Console.WriteLine("cluster");
